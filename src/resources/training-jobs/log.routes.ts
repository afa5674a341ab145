import { Readable } from 'node:stream';
import { Reply, type Route, route } from '../../http/index.ts';
import {
  downloadTrainingJobLog,
  followTrainingJobLog,
  showObsUrlOfTrainingJobLogs,
  showTrainingJobLogsPreview,
} from './log.api.ts';
import type { LogService } from './log.service.ts';

/** Handlers of the log operations. `api`: the platform's address, for links, when the caller names none. */
export function logRoutes(logs: LogService, api: string): Route[] {
  return [
    route(showTrainingJobLogsPreview, async ({ projectId, params }) => {
      const preview = await logs.preview(projectId, params.training_job_id, params.task_id);
      return preview ?? new Reply(undefined, { status: 204 });
    }),
    route(showObsUrlOfTrainingJobLogs, async ({ projectId, params, headers }) => {
      const disposition = headers['content-type'] === 'application/octet-stream' ? 'attachment' : 'inline';
      const link = await logs.link(projectId, params.training_job_id, params.task_id, disposition);
      const host = headers.host;
      return { obs_url: `${typeof host === 'string' ? `http://${host}` : api}${link}` };
    }),
    route(downloadTrainingJobLog, async ({ params, query }) => {
      const { name, size, content } = await logs.download(params.project_id, params.training_job_id, params.task_id, {
        expires: query.expires,
        disposition: query.disposition,
        signature: query.signature,
      });
      return new Reply(content, {
        headers: {
          'Content-Type': query.disposition === 'attachment' ? 'application/octet-stream' : 'text/plain; charset=utf-8',
          'Content-Disposition': `${query.disposition}; filename="${name}"`,
          'Cache-Control': 'private, no-store',
          'Content-Length': String(size),
        },
      });
    }),
    route(followTrainingJobLog, async ({ projectId, params, query, refusal }) => {
      if (query.offset === undefined) {
        return logs.lines(projectId, params.training_job_id, params.task_id, {
          baseLine: query.base_line,
          lines: query.lines,
          order: query.order,
          pattern: query.pattern,
        });
      }
      if (query.follow) {
        const options = { offset: query.offset, refusal };
        const text = logs.stream(projectId, params.training_job_id, params.task_id, options);
        return new Reply(Readable.from(text, { objectMode: false }), {
          headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'private, no-store' },
        });
      }
      return logs.follow(projectId, params.training_job_id, params.task_id, query.offset, query.wait ?? 0);
    }),
  ];
}
