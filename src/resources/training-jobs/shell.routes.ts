import { type Call, type Route, route, type Terminals } from '../../http/index.ts';
import { createTrainingJobShell } from './shell.api.ts';
import type { ShellService } from './shell.service.ts';

/** Name under which the end of a terminal is audited. */
const CLOSED = 'CloseTrainingJobShell';

/** Handler of Cloud Shell: a terminal is offered to whoever may have one, and watched while it is open. */
export function shellRoutes(shells: ShellService, terminals: Pick<Terminals, 'offer'>): Route[] {
  return [
    route(createTrainingJobShell, async call => {
      const { training_job_id: jobId, task_id: task } = call.params;
      const { start } = await shells.open(call.projectId, jobId, task);
      const { path, expiresAt } = terminals.offer({
        userId: call.principal.id,
        size: sizeOf(call),
        start,
        refusal: call.refusal,
        ended: ({ durationMs }) => call.afterwards(CLOSED, durationMs),
      });
      return { path, expires_at: expiresAt };
    }),
  ];
}

function sizeOf({ body }: Call<typeof createTrainingJobShell>): { columns: number; rows: number } {
  return { columns: body?.columns ?? 80, rows: body?.rows ?? 24 };
}
