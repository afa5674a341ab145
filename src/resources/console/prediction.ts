import { Failure } from '../../kernel/failure.ts';
import type { BodyOf, ResponseOf } from '../../wire/operation.ts';
import { type predict as operation, PREDICTION_BYTES } from './console.api.ts';

/** Longer than any service may let a caller wait. */
const PATIENCE_MS = 310_000;

/** Requests that a user may have under way at once: each holds its bodies in memory. Browsers open six connections to a host. */
const PER_USER = 6;

/** Predictions through the gateway at `gateway` (a URL without a path). */
export function predictions(gateway: () => string) {
  const underWay = new Map<string, number>();
  return {
    /** As `predict`, in the name of the user whose `token` it is. Throws Failure 429 where the user has too many under way. */
    async predict(userId: string, token: string, body: BodyOf<typeof operation>): ReturnType<typeof predict> {
      const before = underWay.get(userId) ?? 0;
      if (before >= PER_USER) {
        throw new Failure({
          code: 'APIGW.0308',
          status: 429,
          message: `You have ${PER_USER} predictions under way in the console.`,
          solution: 'Wait for an answer, or call the address of the service from a program.',
        });
      }
      underWay.set(userId, before + 1);
      try {
        return await predict(gateway(), token, body);
      } finally {
        const left = underWay.get(userId)! - 1;
        if (left > 0) underWay.set(userId, left);
        else underWay.delete(userId);
      }
    },
  };
}

/**
 * Calls a service through the gateway at `gateway` (a URL without a path) in the name of `token`'s user. Nothing else of the browser's request
 * goes on. Resolves with whatever was answered; throws Failure where the path leads out of the service, or no answer came.
 */
async function predict(
  gateway: string,
  token: string,
  body: BodyOf<typeof operation>,
): Promise<ResponseOf<typeof operation>> {
  const home = `/v1/infers/${body.service_id}`;
  const url = new URL(gateway + home + (body.path === '/' ? '' : body.path));
  if (url.pathname !== home && !url.pathname.startsWith(`${home}/`)) {
    throw new Failure({
      code: 'ModelArts.0104',
      status: 400,
      message: 'Parameter [path] leads out of the service.',
      solution: 'Give a path that the model declares, such as "/".',
    });
  }
  const started = performance.now();
  const response = await fetch(url, {
    method: body.method,
    headers: { 'x-auth-token': token, ...(body.content_type ? { 'content-type': body.content_type } : {}) },
    body: body.content === undefined || body.method === 'GET' ? null : Buffer.from(body.content, 'base64'),
    redirect: 'manual',
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).catch(noAnswer);
  const content = await read(response).catch(noAnswer);
  return {
    status: response.status,
    content_type: response.headers.get('content-type') ?? '',
    content: content.toString('base64'),
    duration_ms: Math.round(performance.now() - started),
  };
}

async function read(response: Response): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > PREDICTION_BYTES) {
      throw new Failure({
        code: 'ModelArts.4302',
        status: 502,
        message: `The answer of the service is larger than ${PREDICTION_BYTES / 1024 ** 2} MiB, too large to be shown here.`,
        solution: 'Call the address of the service from a program.',
      });
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function noAnswer(cause: unknown): never {
  if (cause instanceof Failure) throw cause;
  throw new Failure({
    code: 'ModelArts.4302',
    status: 502,
    message: 'The inference gateway gave no answer.',
    solution: 'Try again in a moment; look at the events and logs of the service if it goes on.',
    cause,
  });
}
