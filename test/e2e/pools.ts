import type { Installation } from './installation.ts';

/** Makes a dedicated pool with a network of its own and waits until it is Running; resolves with its id. */
export async function makePool(
  { session, profile, client }: Installation,
  pool: { name: string; flavor?: string; count?: number; cidr?: string },
): Promise<string> {
  const labels = { metadata: { labels: { 'os.modelarts/name': pool.name } } };
  const send = async (method: string, path: string, body?: unknown) =>
    JSON.parse((await session.request(method, path, { body })).body.toString()) as {
      metadata: { name: string };
      status?: { phase?: string };
    };
  const network = await send('POST', `/v1/${profile.projectId}/networks`, {
    apiVersion: 'v1',
    kind: 'Network',
    ...labels,
    spec: { cidr: pool.cidr ?? '192.168.241.0/24' },
  });
  const made = await send('POST', `/v2/${profile.projectId}/pools`, {
    apiVersion: 'v2',
    kind: 'Pool',
    ...labels,
    spec: {
      type: 'Dedicate',
      scope: ['Train', 'Infer', 'Notebook'],
      resources: [{ flavor: pool.flavor ?? 'modelarts.vm.cpu.1u', count: pool.count ?? 1 }],
      network: { name: network.metadata.name },
    },
  });
  const id = made.metadata.name;
  const running = await client.until(
    () => send('GET', `/v2/${profile.projectId}/pools/${id}`),
    ({ status }) => status?.phase === 'Running',
    60_000,
    `Pool ${pool.name}`,
  );
  return running.metadata.name;
}
