import type { ApiServerOptions } from './server.ts';

/** Surroundings for tests of a single family: the default workspace, which admits everybody, and things that lie in it. */
export const defaultWorkspaceOnly: Pick<ApiServerOptions, 'locate' | 'workspace'> = {
  locate: async () => ({ workspaceId: '0' }),
  workspace: async (_projectId, id) =>
    id === '0'
      ? { id, enterpriseProjectId: '0', admits: () => ({ allowed: true, reason: 'It is public.' }) }
      : undefined,
};
