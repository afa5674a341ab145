import { type Route, route } from '../../http/index.ts';
import * as api from './key-pair.api.ts';
import type { KeyPairService, MadeKeyPair } from './key-pair.service.ts';
import { algorithmOf, type KeyPair } from './key-pair.ts';

/** Handlers of key pairs, in both forms. */
export function keyPairRoutes(pairs: KeyPairService): Route[] {
  return [
    route(api.listKeypairs, async ({ principal, projectId, query }) => {
      const { shown, next } = window(await pairs.list(principal, projectId), query);
      const page_info = {
        ...(next === undefined ? {} : { next_marker: next }),
        ...(query.marker ? { previous_marker: query.marker } : {}),
        current_count: shown.length,
      };
      return {
        keypairs: shown.map(pair => ({
          keypair: { ...basics(pair), scope: pair.scope, is_key_protection: false, frozen_state: '0' },
        })),
        page_info,
      };
    }),
    route(api.createKeypair, async ({ principal, projectId, body }) =>
      madeView(await pairs.create(principal, projectId, body.keypair)),
    ),
    route(api.batchImportKeypair, async ({ principal, projectId, body }) => {
      const { succeeded, failed } = await pairs.createAll(
        principal,
        projectId,
        body.map(each => each.keypair),
      );
      return {
        succeeded_keypairs: succeeded.map(madeView),
        failed_keypairs: failed.map(({ name, reason }) => ({ keypair_name: name, failed_reason: reason })),
      };
    }),
    route(api.listKeypairDetail, async ({ principal, projectId, params }) => {
      const pair = await pairs.get(principal, projectId, params.keypair_name);
      return {
        keypair: {
          ...basics(pair),
          id: pair.id,
          scope: pair.scope,
          is_key_protection: false,
          deleted: false,
          description: pair.description,
          user_id: pair.userId,
          create_time: pair.createdAt,
          update_time: pair.updatedAt,
          delete_time: 0,
          frozen_state: 0,
          algorithm: algorithmOf(pair),
        },
      };
    }),
    route(api.updateKeypairDescription, async ({ principal, projectId, params, body }) => {
      await pairs.describe(principal, projectId, params.keypair_name, body.keypair.description);
      return {};
    }),
    route(api.deleteKeypair, async ({ principal, projectId, params }) => {
      await pairs.remove(principal, projectId, params.keypair_name);
      return null;
    }),
    route(api.novaListKeypairs, async ({ principal, projectId, query }) => {
      const { shown } = window(await pairs.list(principal, projectId), query);
      return { keypairs: shown.map(pair => ({ keypair: basics(pair) })) };
    }),
    route(api.novaCreateKeypair, async ({ principal, projectId, body }) =>
      madeView(await pairs.create(principal, projectId, body.keypair)),
    ),
    route(api.novaShowKeypair, async ({ principal, projectId, params }) => {
      const pair = await pairs.get(principal, projectId, params.keypair_name);
      const dates = { created_at: date(pair.createdAt), updated_at: date(pair.updatedAt), deleted_at: null };
      return { keypair: { ...basics(pair), id: pair.id, user_id: pair.userId, deleted: false, ...dates } };
    }),
    route(api.novaDeleteKeypair, async ({ principal, projectId, params }) => {
      await pairs.remove(principal, projectId, params.keypair_name);
      return null;
    }),
  ];
}

function basics({ name, publicKey, fingerprint }: KeyPair) {
  return { name, type: 'ssh', public_key: publicKey, fingerprint };
}

function madeView({ pair, privateKey }: MadeKeyPair) {
  return {
    keypair: {
      ...basics(pair),
      user_id: pair.userId,
      ...(privateKey === undefined ? {} : { private_key: privateKey }),
    },
  };
}

function date(ms: number): string {
  return new Date(ms).toISOString().slice(0, -1);
}

/** Those that follow a name, and the name to go on from where there are more. */
function window(all: readonly KeyPair[], query: { limit?: number | undefined; marker?: string | undefined }) {
  const after = query.marker ? all.filter(each => each.name > query.marker!) : all;
  const shown = after.slice(0, query.limit ?? 1000);
  return { shown, next: after.length > shown.length ? shown.at(-1)?.name : undefined };
}
