import { type Call, Reply, type Route, route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { ownerOf } from '../../kernel/principal.ts';
import { showTrainingJobEngines, showTrainingJobFlavors, showTrainingQuotas } from './catalog.api.ts';
import { engineView, flavorView } from './catalog.view.ts';
import {
  changeTrainingJob,
  checkTrainingJob,
  createTrainingJob,
  deleteTrainingJob,
  listTrainingJobEvents,
  listTrainingJobStages,
  listTrainingJobs,
  listTrainingJobTasks,
  showTrainingJob,
  showTrainingJobMetrics,
  stopTrainingJob,
} from './job.api.ts';
import { type Job, nodesOf } from './job.model.ts';
import type { JobService } from './job.service.ts';
import { taskIndex } from './job.ts';
import { eventView, jobView, metricsView, stagesView, tasksView } from './job.view.ts';

const PAGE = 50;

/** Handlers of the training job operations. */
export function jobRoutes(jobs: JobService, clock: Clock): Route[] {
  const show = async (job: Job) => jobView(job, clock.now(), await jobs.queueOf(job));

  return [
    route(createTrainingJob, async call =>
      show(await jobs.create(call.principal, call.projectId, call.workspaceId, call.body)),
    ),

    route(checkTrainingJob, async call => {
      await jobs.draft(call.principal, call.projectId, call.workspaceId, call.body);
      return { ready: true };
    }),

    route(listTrainingJobs, async call => {
      const body = call.body ?? {};
      const search = {
        page: body.offset ?? 0,
        limit: body.limit ?? PAGE,
        sortBy: body.sort_by || 'create_time',
        order: body.order ?? ('desc' as const),
        workspaceId: call.workspaceId,
        filters: body.filters ?? [],
      };
      const found = await jobs.search(call.projectId, search);
      return {
        total: found.total,
        count: found.count,
        limit: search.limit,
        offset: search.page,
        sort_by: search.sortBy,
        order: search.order,
        group_by: body.group_by ?? '',
        workspace_id: search.workspaceId,
        ai_project: 'default-ai-project',
        items: await Promise.all(found.jobs.map(show)),
      };
    }),

    route(showTrainingJob, async call => show(await jobs.get(call.projectId, call.params.training_job_id))),

    route(changeTrainingJob, async call => {
      const { description, spec } = call.body;
      const priority = spec?.schedule_policy?.priority ?? undefined;
      if (priority !== undefined) await jobs.prioritize(call.projectId, call.params.training_job_id, priority);
      if (priority === undefined || (description !== undefined && description !== null)) {
        await jobs.describe(call.projectId, call.params.training_job_id, description ?? '');
      }
      return null;
    }),

    route(deleteTrainingJob, async call => {
      await jobs.remove(call.projectId, call.params.training_job_id, callerName(call));
      return '';
    }),

    route(stopTrainingJob, async call => {
      const action = call.body.action_type;
      if (action === 'terminate') {
        return show(await jobs.terminate(call.projectId, call.params.training_job_id, callerName(call)));
      }
      await jobs.get(call.projectId, call.params.training_job_id);
      throw unsupportedAction(action);
    }),

    route(listTrainingJobTasks, async call => {
      const job = await jobs.get(call.projectId, call.params.training_job_id);
      return tasksView(job);
    }),

    route(listTrainingJobStages, async call => stagesView(await jobs.get(call.projectId, call.params.training_job_id))),

    route(listTrainingJobEvents, async call => {
      const { query } = call;
      const page = { offset: query.offset ?? 0, limit: query.limit ?? PAGE, order: query.order ?? ('desc' as const) };
      const { total, events } = await jobs.events(call.projectId, call.params.training_job_id, {
        ...page,
        from: query.start_time,
        to: query.end_time,
        level: query.level,
        source: query.source,
        pattern: query.pattern,
      });
      return { total, ...page, events: events.map(eventView) };
    }),

    route(showTrainingJobMetrics, async call => {
      const job = await jobs.get(call.projectId, call.params.training_job_id);
      const samples = await jobs.metrics(job.id, taskIndex(call.params.task_id, nodesOf(job.spec)));
      return samples.length === 0 ? new Reply(undefined, { status: 204 }) : metricsView(samples);
    }),

    route(showTrainingQuotas, async call => {
      const quotas = [{ resource: 'job-num', quota: jobs.quota, used: await jobs.used(call.principal.accountId) }];
      return { quotas: quotas.filter(entry => !call.query.resource || entry.resource === call.query.resource) };
    }),

    route(showTrainingJobEngines, async () => {
      const items = jobs.engines().map(engineView);
      return { total: items.length, items };
    }),

    route(showTrainingJobFlavors, async call => {
      const wanted = call.query.flavor_type;
      const flavors = jobs.flavors().filter(flavor => !wanted || flavor.type === wanted);
      return { total_count: flavors.length, flavors: flavors.map(flavorView) };
    }),
  ];
}

function callerName(call: Pick<Call<never>, 'principal'>): string {
  return ownerOf(call.principal).name;
}

function unsupportedAction(action: string): Failure {
  if (action === 'restart') {
    return new Failure({
      code: 'ModelArts.2813',
      status: 409,
      message: 'NotAllowedToRestart: a training job cannot be restarted; its program runs once.',
      solution: 'Create a new job from it.',
    });
  }
  return new Failure({
    code: 'ModelArts.2812',
    status: 400,
    message: `UnsupportedActionType: parameter [action_type] is "${action.slice(0, 50)}"; allowed: terminate.`,
  });
}
