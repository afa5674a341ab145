import { Failure } from '../kernel/failure.ts';

/** Runs a call to OBS; its errors become failures that a person understands. */
export async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw obsFailure(error);
  }
}

/** The HTTP status of an answer that was an error. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof Failure) return error.status;
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

/** Whether the same request may well succeed a little later. */
export function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  return status === undefined || status >= 500 || status === 429;
}

export function obsFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const known = error as { name?: string; message?: string; code?: string };
  if (['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH'].includes(known.code ?? '')) {
    return new Failure({
      code: 'Atelier.Unreachable',
      status: 503,
      message: `OBS does not answer${known.message ? `: ${known.message}` : ''}.`,
      solution: 'Is the platform running? ./atelier status tells; ./atelier up --detach starts it.',
      cause: error,
    });
  }
  if (['ECONNRESET', 'EPIPE', 'ETIMEDOUT'].includes(known.code ?? '')) {
    return new Failure({
      code: 'Atelier.ConnectionLost',
      status: 503,
      message: `The connection to OBS broke: ${known.message}.`,
      solution: 'Run the same command again: large files go on where they stopped.',
      cause: error,
    });
  }
  if (known.code === 'ENOSPC') {
    return new Failure({
      code: 'Atelier.DiskFull',
      status: 507,
      message: 'The disk is full.',
      solution: 'Make room, then run the same command again: large files go on where they stopped.',
      cause: error,
    });
  }
  return new Failure({
    code: known.code ?? known.name ?? 'Atelier.Obs',
    status: statusOf(error) ?? 500,
    message: known.message || String(error),
    cause: error,
  });
}
