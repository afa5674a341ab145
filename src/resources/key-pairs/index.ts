import { type Route, refusalRoutes } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../store-kit/index.ts';
import { keyPairsOperations as operations } from './key-pair.api.ts';
import { keyPairRoutes } from './key-pair.routes.ts';
import { type KeyPairService, keyPairService } from './key-pair.service.ts';
import { keyPairStore } from './key-pair.store.ts';
import { refusedOfKeyPairs } from './refused.api.ts';

export const keyPairsOperations = [...operations, ...refusedOfKeyPairs.map(each => each.operation)];
export { keyPairsMigrations } from './key-pair.store.ts';
export { generateSshKey } from './ssh-key.ts';

/** The family of key pairs, by which users reach their notebook instances. */
export interface KeyPairs extends Pick<KeyPairService, 'publicKeys'> {
  routes: Route[];
}

/** Composes the family. */
export function createKeyPairs({ db, clock }: { db: Database; clock: Clock }): KeyPairs {
  const service = keyPairService({ store: keyPairStore(db), clock });
  return { publicKeys: service.publicKeys, routes: [...keyPairRoutes(service), ...refusalRoutes(refusedOfKeyPairs)] };
}
