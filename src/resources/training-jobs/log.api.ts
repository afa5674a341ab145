import { operation } from '../../wire/operation.ts';
import { open, queryInteger, Type } from '../../wire/schema.ts';
import { oneJob } from './common.api.ts';

const invalid = { code: 'ModelArts.2764', status: 400 };

/** Older documents name an action of its own, newer ones ask for no more than `get` (behaviour/permissions.md 6). */
const previewLog = { action: 'modelarts:trainJob:previewLog', or: 'modelarts:trainJob:get' } as const;

export const showTrainingJobLogsPreview = operation({
  ...oneJob,
  id: 'ShowTrainingJobLogsPreview',
  summary: 'Show the end of a task’s log, at most 5 MB',
  method: 'GET',
  path: '/v2/{project_id}/training-jobs/{training_job_id}/tasks/{task_id}/logs/preview',
  action: previewLog,
  status: 200,
  response: open({ content: Type.String(), current_size: Type.Integer(), full_size: Type.Integer() }),
});

export const showObsUrlOfTrainingJobLogs = operation({
  ...oneJob,
  id: 'ShowObsUrlOfTrainingJobLogs',
  summary: 'Make a link to the whole log of a task, good for five minutes',
  method: 'GET',
  path: '/v2/{project_id}/training-jobs/{training_job_id}/tasks/{task_id}/logs/url',
  action: 'modelarts:trainJob:logExport',
  status: 200,
  response: open({ obs_url: Type.String() }),
});

export const downloadTrainingJobLog = operation({
  ...oneJob,
  id: 'DownloadTrainingJobLog',
  summary: 'The whole log of a task, by a link made before',
  method: 'GET',
  path: '/v2/{project_id}/training-jobs/{training_job_id}/tasks/{task_id}/logs/download',
  action: { public: 'the signature in the link is the credential; it names this one log and expires' },
  query: open({
    expires: Type.Integer({ minimum: 0 }),
    disposition: Type.Enum(['inline', 'attachment']),
    signature: Type.String({ maxLength: 100 }),
  }),
  status: 200,
  response: Type.String(),
  invalid,
});

export const followTrainingJobLog = operation({
  ...oneJob,
  id: 'FollowTrainingJobLog',
  summary: 'Read a task’s log from a byte offset, waiting for more if asked to, or by lines',
  method: 'GET',
  path: '/v2/{project_id}/training-jobs/{training_job_id}/logs/{task_id}',
  action: previewLog,
  query: open({
    /** Byte offset to read from; the answer says where to go on. */
    offset: queryInteger(0, Number.MAX_SAFE_INTEGER),
    /** Seconds to wait for new bytes when there are none. */
    wait: queryInteger(0, 10, 0),
    /** With an offset: the answer is the log's text as it is written, until the job has ended. */
    follow: Type.Optional(Type.Boolean()),
    /** Number of the line to count from (the first is 1); the end or the beginning of the log when absent. */
    base_line: queryInteger(0, Number.MAX_SAFE_INTEGER),
    lines: queryInteger(1, 500),
    /** `desc`: the lines before base_line, `asc`: those after it. */
    order: Type.Optional(Type.Enum(['asc', 'desc'])),
    /** Only lines that hold this text. */
    pattern: Type.Optional(Type.String({ maxLength: 256 })),
  }),
  status: 200,
  response: open({
    content: Type.String(),
    /** Where to go on reading; absent when read by lines. */
    next_offset: Type.Optional(Type.Integer()),
    full_size: Type.Integer(),
    /** True when nothing more will be written. */
    finished: Type.Boolean(),
    lines: Type.Optional(Type.Integer()),
    start_line: Type.Optional(Type.String()),
    end_line: Type.Optional(Type.String()),
  }),
  invalid,
});
