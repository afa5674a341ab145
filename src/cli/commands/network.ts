import * as networkApi from '../../resources/networks/network.api.ts';
import { calling, type Leaf } from '../leaves.ts';
import type { Names, Shown } from '../names.ts';
import { named } from './pool.ts';

const theNetwork = ['<network>', 'name or id'] as const;
const workspace = ['--workspace <name>', 'name or id of the workspace; the default one when absent'] as const;
const NAME = 'os.modelarts/name';
const API = 'atelier/management-api';

async function inWorkspace(names: Names, name: string | undefined): Promise<{ workspaceId?: string }> {
  return name === undefined ? {} : { workspaceId: (await names.workspace(name)).id };
}

async function networkId(names: Names, [name]: readonly string[], options: { workspace?: string } = {}) {
  const query = await inWorkspace(names, options.workspace);
  const { items } = await names.session.call(networkApi.listNetworks, { query });
  return { params: { network_name: named('network', name!, items) } };
}

function row(network: unknown) {
  const { metadata, spec, status } = network as Record<'metadata' | 'spec' | 'status', Shown>;
  return {
    id: metadata.name,
    name: (metadata.labels as Record<string, string>)[NAME],
    cidr: spec.cidr,
    phase: status.phase,
    management_api: (metadata.annotations as Record<string, string>)[API] === 'true' ? 'open' : 'closed',
    ...(status.message ? { message: status.message } : {}),
  };
}

/** `atelier network …` */
export const networkLeaves: readonly Leaf[] = [
  calling(networkApi.listNetworks, {
    words: 'list',
    options: [workspace],
    example: 'network list',
    input: async (names, _args, options) => ({ query: await inWorkspace(names, options.workspace) }),
    rows: answer => answer.items.map(row),
    columns: {
      Name: network => network.name,
      Addresses: network => network.cidr,
      Phase: network => network.phase,
      'Management API': network => network.management_api,
      Message: network => network.message,
      Id: network => network.id,
    },
  }),
  calling(networkApi.showNetwork, {
    words: 'show',
    args: [theNetwork],
    options: [workspace],
    example: 'network show lab-net',
    input: networkId,
    one: row,
  }),
  calling(networkApi.createNetwork, {
    words: 'create',
    args: [
      ['<name>', '4 to 25 lower-case letters, digits and -'],
      ['[cidr]', 'its addresses; 192.168.128.0/17 when absent'],
    ],
    options: [['--management-api', 'let what runs there call the API of the platform'], workspace],
    example: 'network create lab-net 192.168.20.0/24',
    async input(names, [name, cidr], options) {
      const { workspaceId } = await inWorkspace(names, options.workspace);
      const labels = {
        [NAME]: name!,
        ...(workspaceId === undefined ? {} : { 'os.modelarts/workspace.id': workspaceId }),
      } as { [NAME]: string };
      const annotations = options.managementApi ? { [API]: 'true' } : {};
      const body = { apiVersion: 'v1', kind: 'Network', metadata: { labels, annotations } } as const;
      return { body: { ...body, spec: { cidr: cidr ?? '192.168.128.0/17' } } };
    },
    one: row,
  }),
  ...(['open', 'close'] as const).map(word =>
    calling(networkApi.patchNetwork, {
      words: word,
      about: `${word} the API of the platform to what runs on a network`,
      args: [theNetwork],
      options: [workspace],
      example: `network ${word} lab-net`,
      input: async (names, args, options) => ({
        ...(await networkId(names, args, options)),
        body: { metadata: { annotations: { [API]: String(word === 'open') } } },
      }),
      one: row,
    }),
  ),
  calling(networkApi.deleteNetwork, {
    words: 'delete',
    args: [theNetwork],
    options: [workspace],
    example: 'network delete lab-net',
    destroys: true,
    input: networkId,
    done: ([name]) => `Network ${name} is being deleted.`,
  }),
];
