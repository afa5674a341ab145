/** How bad a failure is for the log: the caller's fault, a dependency's, or a bug of ours. */
export interface FailureInit {
  /** Error code as the service documents it, e.g. `ModelArts.2751`, `IAM.0001`, `NoSuchKey`. */
  code: string;
  /** HTTP status of the answer. */
  status: number;
  /** Public text: names the field, the limit and the way out. */
  message: string;
  /** What to do about it (`error_solution` on the wire). */
  solution?: string;
  /** Private cause, for the log alone. */
  cause?: unknown;
  /** Machine-readable details for clients of our own (never secrets). */
  details?: Record<string, unknown>;
}

/**
 * The one error that crosses module borders. It has two voices: `message` and `solution` are written for the caller,
 * `cause` stays in the log.
 */
export class Failure extends Error {
  readonly code: string;
  readonly status: number;
  readonly solution: string | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(init: FailureInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'Failure';
    this.code = init.code;
    this.status = init.status;
    this.solution = init.solution;
    this.details = init.details;
  }
}

/** True when `error` is a Failure, with the given code if one is named. */
export function isFailure(error: unknown, code?: string): error is Failure {
  return error instanceof Failure && (code === undefined || error.code === code);
}

/** The text of anything that was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
