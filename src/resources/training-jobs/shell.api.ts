import { operation } from '../../wire/operation.ts';
import { open, Type } from '../../wire/schema.ts';
import { oneJob } from './common.api.ts';

/** The most columns or rows of a terminal. */
const SIDE = { minimum: 1, maximum: 1000 };

export const createTrainingJobShell = operation({
  ...oneJob,
  id: 'CreateTrainingJobShell',
  summary: 'Open a terminal in the container of a running task (Cloud Shell); dedicated pools alone',
  method: 'POST',
  path: '/v2/{project_id}/training-jobs/{training_job_id}/tasks/{task_id}/shells',
  action: 'modelarts:trainJob:exec',
  body: open({
    columns: Type.Optional(Type.Integer({ ...SIDE, default: 80 })),
    rows: Type.Optional(Type.Integer({ ...SIDE, default: 24 })),
  }),
  bodyOptional: true,
  status: 201,
  response: open({
    /** Of a WebSocket at this API's address; good once. docs/guide/training.md says what goes over it. */
    path: Type.String(),
    /** Milliseconds since the epoch until which it may be opened. */
    expires_at: Type.Integer(),
  }),
  invalid: { code: 'ModelArts.2788', status: 400 },
});
