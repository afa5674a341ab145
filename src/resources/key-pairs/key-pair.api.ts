import { operation } from '../../wire/operation.ts';
import { nullable, open, queryInteger, Type } from '../../wire/schema.ts';

const text = Type.Optional(nullable(Type.String()));
const KPS = '/v3/{project_id}/keypairs';
const NOVA = '/v2.1/{project_id}/os-keypairs';

/** Key pairs (reference api/kps.json). KPS and Nova's form of ECS are guarded by the same actions: policies of the seed name those of ECS. */
const kps = { family: 'key-pairs', errors: 'kps' } as const;
const nova = { family: 'key-pairs', errors: 'nova' } as const;

const fields = {
  name: Type.String({ minLength: 1, maxLength: 255 }),
  type: text,
  public_key: Type.Optional(nullable(Type.String({ maxLength: 16_384 }))),
  user_id: text,
};
const kpsPair = open({
  keypair: open({
    ...fields,
    scope: Type.Optional(nullable(Type.Enum(['domain', 'user']))),
    key_protection: Type.Optional(Type.Unknown()),
    /** Ours: what to make, RSA when absent. */
    algorithm: Type.Optional(nullable(Type.Enum(['rsa', 'ed25519']))),
  }),
});
const made = open({
  keypair: open({
    name: Type.String(),
    type: Type.String(),
    public_key: Type.String(),
    private_key: Type.Optional(Type.String()),
    fingerprint: Type.String(),
    user_id: Type.String(),
  }),
});
const listed = open({
  keypair: open({ name: Type.String(), public_key: Type.String(), fingerprint: Type.String() }),
});

export const listKeypairs = operation({
  ...kps,
  id: 'ListKeypairs',
  summary: 'List key pairs',
  method: 'GET',
  path: KPS,
  action: 'ecs:serverKeyPairs:list',
  query: open({ limit: queryInteger(1, 1000, 1000), marker: Type.Optional(Type.String()) }),
  status: 200,
  response: open({ keypairs: Type.Array(listed), page_info: open({ current_count: Type.Integer() }) }),
});

export const createKeypair = operation({
  ...kps,
  id: 'CreateKeypair',
  summary: 'Make a key pair, or import a public key',
  method: 'POST',
  path: KPS,
  action: 'ecs:serverKeyPairs:create',
  body: kpsPair,
  status: 200,
  response: made,
});

export const batchImportKeypair = operation({
  ...kps,
  id: 'BatchImportKeypair',
  summary: 'Make or import several key pairs',
  method: 'POST',
  path: `${KPS}/batch-import`,
  action: 'ecs:serverKeyPairs:create',
  body: Type.Array(kpsPair, { minItems: 1, maxItems: 10 }),
  status: 200,
  response: open({
    succeeded_keypairs: Type.Array(made),
    failed_keypairs: Type.Array(open({ keypair_name: Type.String(), failed_reason: Type.String() })),
  }),
});

export const listKeypairDetail = operation({
  ...kps,
  id: 'ListKeypairDetail',
  summary: 'Show a key pair',
  method: 'GET',
  path: `${KPS}/{keypair_name}`,
  action: 'ecs:serverKeyPairs:get',
  status: 200,
  response: open({
    keypair: open({ name: Type.String(), id: Type.Integer(), public_key: Type.String(), fingerprint: Type.String() }),
  }),
});

export const updateKeypairDescription = operation({
  ...kps,
  id: 'UpdateKeypairDescription',
  summary: 'Describe a key pair',
  method: 'PUT',
  path: `${KPS}/{keypair_name}`,
  action: 'ecs:serverKeyPairs:create',
  body: open({ keypair: open({ description: Type.String() }) }),
  status: 200,
  response: open({}),
});

export const deleteKeypair = operation({
  ...kps,
  id: 'DeleteKeypair',
  summary: 'Delete a key pair',
  method: 'DELETE',
  path: `${KPS}/{keypair_name}`,
  action: 'ecs:serverKeyPairs:delete',
  status: 204,
  response: Type.Null(),
});

export const novaListKeypairs = operation({
  ...nova,
  id: 'NovaListKeypairs',
  summary: 'List key pairs, as Nova does',
  method: 'GET',
  path: NOVA,
  action: 'ecs:serverKeyPairs:list',
  query: open({ limit: queryInteger(1, 1000, 1000), marker: Type.Optional(Type.String()) }),
  status: 200,
  response: open({ keypairs: Type.Array(listed) }),
});

export const novaCreateKeypair = operation({
  ...nova,
  id: 'NovaCreateKeypair',
  summary: 'Make a key pair, or import a public key, as Nova does',
  method: 'POST',
  path: NOVA,
  action: 'ecs:serverKeyPairs:create',
  body: open({ keypair: open(fields) }),
  status: 200,
  response: made,
});

export const novaShowKeypair = operation({
  ...nova,
  id: 'NovaShowKeypair',
  summary: 'Show a key pair, as Nova does',
  method: 'GET',
  path: `${NOVA}/{keypair_name}`,
  action: 'ecs:serverKeyPairs:get',
  status: 200,
  response: open({
    keypair: open({ name: Type.String(), id: Type.Integer(), public_key: Type.String(), fingerprint: Type.String() }),
  }),
});

export const novaDeleteKeypair = operation({
  ...nova,
  id: 'NovaDeleteKeypair',
  summary: 'Delete a key pair, as Nova does',
  method: 'DELETE',
  path: `${NOVA}/{keypair_name}`,
  action: 'ecs:serverKeyPairs:delete',
  status: 202,
  response: Type.Null(),
});

export const keyPairsOperations = [
  listKeypairs,
  createKeypair,
  batchImportKeypair,
  listKeypairDetail,
  updateKeypairDescription,
  deleteKeypair,
  novaListKeypairs,
  novaCreateKeypair,
  novaShowKeypair,
  novaDeleteKeypair,
];
