import { declaredRoutes } from '../../http/declared.ts';
import { poolsOperations } from './pool.api.ts';

export type { JobType, Pools, UsablePool } from './pool.port.ts';
export { poolsOperations };

/** Dedicated resource pools: who may do what is decided; there are none yet. */
export const poolsRoutes = declaredRoutes(poolsOperations, 'dedicated resource pools');
