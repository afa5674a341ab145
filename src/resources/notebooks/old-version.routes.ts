import { type Route, route } from '../../http/index.ts';
import { Failure } from '../../kernel/failure.ts';
import { oldVersionOperations } from './old-version.api.ts';

/** The old version says where the new one is, to whoever might have used it. */
export const oldVersionRoutes: Route[] = oldVersionOperations.map(operation =>
  route(operation, async () => {
    throw new Failure({
      code: 'ModelArts.2858',
      status: 410,
      message: 'The old version of notebooks (/v1/{project_id}/demanager/instances) does not exist any more.',
      solution: 'Use /v1/{project_id}/notebooks, which the current SDKs call.',
    });
  }),
);
