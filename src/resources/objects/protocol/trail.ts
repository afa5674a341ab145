import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Attributed, type Audit, attributedTo } from '../../../http/audit.ts';
import type { Failure } from '../../../kernel/failure.ts';
import type { Log } from '../../../kernel/log.ts';
import type { Principal } from '../../../kernel/principal.ts';
import type { Soon } from '../../../kernel/soon.ts';
import type { BucketInfo, ObsPath } from '../object.ts';
import { subResourceOf } from './operations.ts';

/** What is known of a request so far. */
export interface Known {
  path?: ObsPath;
  query?: Map<string, string>;
  principal?: Principal;
}

/** What one request leaves in the audit trail: what it changes of a bucket, and what it was refused. */
export interface Trail {
  known: Known;
  /** Notes a refusal that the answer does not tell as a whole: of one object of a batch. */
  denied(failure: Failure): void;
  /** Lets `work` answer, but sends the answer of what changes a bucket only when its record is on disk. */
  around(work: () => Promise<void>): Promise<void>;
  /** Records a failure, unless it is of an object and no refusal. */
  failed(failure: Failure): Promise<void>;
}

const DENIED = 403;

/** Makes the trail of each request. Reading and writing objects is not recorded: the use of their actions is counted alone. */
export function trails(deps: TrailDeps) {
  return (request: IncomingMessage, response: ServerResponse, requestId: string): Trail =>
    trailOf(deps, request, response, requestId);
}

interface TrailDeps {
  audit: Audit;
  log: Log;
  findBucket(name: string): Soon<BucketInfo | undefined>;
}

function trailOf(deps: TrailDeps, request: IncomingMessage, response: ServerResponse, requestId: string): Trail {
  const known: Known = {};
  const startedAt = performance.now();
  const method = request.method ?? 'GET';
  let refusal: Failure | undefined;

  /** PUT, DELETE and POST on a bucket, but for what is about its objects. */
  const changesBucket = () =>
    known.path !== undefined &&
    known.path.bucket !== '' &&
    known.path.key === '' &&
    method !== 'GET' &&
    method !== 'HEAD' &&
    !known.query?.has('delete');

  async function record(status: number, failure?: Failure): Promise<void> {
    const action = textOf(failure, 'action') ?? (changesBucket() ? `obs:bucket:${actionName()}` : undefined);
    const bucket = textOf(failure, 'bucket') || known.path?.bucket;
    const key = textOf(failure, 'key') || known.path?.key;
    const target = bucket ? (key ? `object/${bucket}/${key}` : `bucket/${bucket}`) : undefined;
    try {
      await deps.audit({
        requestId,
        service: 'obs',
        operation: eventName(action?.split(':')[2] ?? actionName()),
        method,
        path: (request.url ?? '').split('?')[0]!,
        readOnly: method === 'GET' || method === 'HEAD',
        status,
        ...(failure ? { errorCode: failure.code } : {}),
        ...(known.principal ? attributedTo(await whoOf(known.principal, bucket)) : {}),
        ...(action === undefined ? {} : { action }),
        verdict: status === DENIED ? 'deny' : failure ? 'none' : 'allow',
        ...(target === undefined ? {} : { target }),
        sourceAddress: request.socket.remoteAddress ?? '',
        durationMs: Math.round(performance.now() - startedAt),
      });
    } catch (error) {
      deps.log.error({ err: error, requestId }, 'audit record could not be written');
    }
  }

  /** What nobody known did, or tried, is for the bucket's owner to know. */
  async function whoOf(principal: Principal, bucket: string | undefined): Promise<Attributed> {
    if (principal.kind !== 'anonymous') return principal;
    const { kind, name, credential } = principal;
    const owner = bucket ? await deps.findBucket(bucket) : undefined;
    return { kind, name, credential, ...(owner ? { accountId: owner.accountId, accountName: owner.accountName } : {}) };
  }

  /** As the action is called that a request needs, where none was asked for: `CreateBucket`, `PutBucketPolicy`, `GetObject`. */
  function actionName(): string {
    const what = known.path?.key ? 'Object' : 'Bucket';
    const sub = subResourceOf(known.query ?? new Map()) ?? '';
    const verb = method[0] + method.slice(1).toLowerCase();
    if (what === 'Bucket' && method === 'PUT' && sub === '') return 'CreateBucket';
    return `${verb}${what}${sub.slice(0, 1).toUpperCase()}${sub.slice(1)}`;
  }

  return {
    known,
    denied(failure) {
      refusal ??= failure;
    },
    async around(work) {
      if (changesBucket()) await answerAfter(response, work, () => record(response.statusCode));
      else await work();
      if (refusal) await record(refusal.status, refusal);
    },
    async failed(failure) {
      if (changesBucket() || failure.status === DENIED) await record(failure.status, failure);
    },
  };
}

/** Runs `work`, which ends the response, and sends that end only after `before`. */
async function answerAfter(
  response: ServerResponse,
  work: () => Promise<void>,
  before: () => Promise<void>,
): Promise<void> {
  const { end } = response;
  let held: Parameters<typeof end> | undefined;
  response.end = ((...given: Parameters<typeof end>) => {
    held = given;
    return response;
  }) as typeof end;
  try {
    await work();
  } finally {
    response.end = end;
  }
  await before();
  if (held) response.end(...held);
}

/** The name of an event, as CTS has it for the object storage: `createBucket`. */
function eventName(action: string): string {
  return action.slice(0, 1).toLowerCase() + action.slice(1);
}

function textOf(failure: Failure | undefined, name: string): string | undefined {
  const value = failure?.details?.[name];
  return typeof value === 'string' ? value : undefined;
}
