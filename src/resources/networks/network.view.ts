import { NAME_LABEL, type Network, WORKSPACE_LABEL } from './network.ts';

/** Labels of a network, by which lists are narrowed too. */
export function labelsOf(network: Network): Record<string, string> {
  return { [NAME_LABEL]: network.name, [WORKSPACE_LABEL]: network.workspaceId };
}

/** A network as answers show it (reference modelarts.json, Network). */
export function networkView(network: Network) {
  return {
    apiVersion: 'v1',
    kind: 'Network',
    metadata: {
      name: network.id,
      creationTimestamp: new Date(network.createdAt).toISOString(),
      labels: labelsOf(network),
      annotations: network.annotations,
    },
    spec: { cidr: network.cidr },
    status: {
      phase: network.phase,
      ...(network.message ? { message: network.message } : {}),
      connectionStatus: { peerConnectionStatus: [], sfsTurboStatus: [] },
    },
  };
}
