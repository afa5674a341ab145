import type { TSchema } from 'typebox';
import type { Principal } from '../kernel/principal.ts';
import type { BodyOf, Operation, ParamsOf, QueryOf, ResponseOf } from '../wire/operation.ts';
import type { AuditNote } from './audit.ts';

// biome-ignore lint/suspicious/noExplicitAny: the registry holds operations of all shapes
export type AnyOperation = Operation<any, any, any, any>;

/** What a handler gets: validated, authenticated, authorized. */
export interface Call<O> {
  params: ParamsOf<O>;
  query: QueryOf<O>;
  body: BodyOf<O>;
  /** The caller. On public operations without a credential it is `undefined`: use `caller()` elsewhere. */
  principal: Principal;
  /** The project of the URL (or of the credential), always one of the caller's account. */
  projectId: string;
  /** The workspace it happens in: of the thing it is about, or the one it names; `0` otherwise. */
  workspaceId: string;
  headers: Record<string, string | string[] | undefined>;
  requestId: string;
  remoteAddress: string;
  /** Tells the audit trail what only the handler finds out. Of several notes the members add up. */
  note(note: AuditNote): void;
  /**
   * Of what goes on after the answer: why the caller may not do this any more, or undefined. The credential and the policies are asked
   * again as they are then.
   */
  refusal(): Promise<string | undefined>;
  /** Records what became of it after the answer, as an operation of that name; never throws. */
  afterwards(operation: string, durationMs: number): Promise<void>;
}

/** An answer with a status or headers of its own. */
export class Reply<T> {
  readonly body: T;
  readonly status: number | undefined;
  readonly headers: Record<string, string>;

  constructor(body: T, options: { status?: number; headers?: Record<string, string> } = {}) {
    this.body = body;
    this.status = options.status;
    this.headers = options.headers ?? {};
  }
}

export type Handler<O> = (call: Call<O>) => Promise<ResponseOf<O> | Reply<unknown>>;

/** An operation with its handler. Only `route()` makes one, so nothing is mounted without a declaration. */
export interface Route {
  operation: AnyOperation;
  // biome-ignore lint/suspicious/noExplicitAny: see AnyOperation
  handler: Handler<any>;
}

/** Binds a handler to an operation's declaration. */
export function route<Q extends TSchema, B extends TSchema, R extends TSchema, P extends string>(
  operation: Operation<Q, B, R, P>,
  handler: Handler<Operation<Q, B, R, P>>,
): Route {
  return { operation, handler };
}
