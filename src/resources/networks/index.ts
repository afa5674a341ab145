import { declaredRoutes } from '../../http/declared.ts';
import { networksOperations } from './network.api.ts';

export { networksOperations };

/** Networks of dedicated pools: who may do what is decided; there are none yet. */
export const networksRoutes = declaredRoutes(networksOperations, 'networks of dedicated pools');
