import type { WorkspaceContents } from '../workspaces/index.ts';
import { JOB_QUOTA, type JobService } from './job.service.ts';
import type { JobStore } from './job.store.ts';

/** The training jobs of a workspace. */
export function jobContents(store: JobStore, jobs: JobService): WorkspaceContents {
  return {
    kind: 'training-job',
    deleteAction: 'modelarts:trainJob:delete',
    quota: {
      resource: JOB_QUOTA,
      name_en: 'Training jobs that have not ended',
      name_cn: '未结束的训练作业',
      unit_en: '',
      unit_cn: '个',
      max: 10_000,
    },
    count: store.countActive,
    async clear(projectId, workspaceId) {
      for (const { id, desired } of await store.inWorkspace(projectId, workspaceId)) {
        if (desired !== 'delete') await jobs.remove(projectId, id, 'the deletion of its workspace');
      }
      return (await store.inWorkspace(projectId, workspaceId)).length;
    },
  };
}
