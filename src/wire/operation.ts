import type { Static, TSchema } from 'typebox';

/** How a family words its errors on the wire; see error-body.ts. */
export type ErrorStyle = 'modelarts' | 'keystone' | 'iam';

/**
 * Who may call an operation.
 * - a string: the IAM action that a policy must allow;
 * - a function of the request: where the body decides (PUT of a service: `service:action` or `service:update`);
 * - `authenticated`: any principal with a valid credential, with the reason why no action guards it;
 * - `public`: anybody, with the reason.
 */
export type Guard =
  | string
  | ((request: { params: Record<string, string>; query: Record<string, unknown>; body: unknown }) => string)
  | { authenticated: string }
  | { public: string };

/** One operation of the API, declared once: route, validation, OpenAPI, client, CLI, audit and authorization follow from it. */
export interface Operation<
  Q extends TSchema = TSchema,
  B extends TSchema = TSchema,
  R extends TSchema = TSchema,
  P extends string = string,
> {
  /** The SDK's or the documents' name, e.g. `ShowTrainingJobDetails`. */
  id: string;
  family: string;
  summary: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  /** With parameters in braces: `/v2/{project_id}/training-jobs/{training_job_id}`. */
  path: P;
  action: Guard;
  query?: Q;
  body?: B;
  /** The body may be left out altogether. */
  bodyOptional?: boolean;
  /** Success status. */
  status: number;
  response?: R;
  errors: ErrorStyle;
  /** Code and status for a request that does not fit the schemas; the style's own when absent. */
  invalid?: { code: string; status: number };
  /** Code and status when the URL's project is not the caller's; ModelArts.0210 when absent. */
  projectMismatch?: { code: string; status: number };
  /** Changes nothing although its method says otherwise: it is not audited. */
  readOnly?: boolean;
  /** Largest body in bytes, 1 MiB when absent. */
  bodyLimit?: number;
}

type PathParams<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [K in Name | keyof PathParams<Rest>]: string }
  : Record<never, string>;

export type ParamsOf<O> = O extends Operation<TSchema, TSchema, TSchema, infer P> ? PathParams<P> : never;
export type QueryOf<O> = O extends Operation<infer Q, TSchema, TSchema, string> ? Static<Q> : never;
export type BodyOf<O> = O extends Operation<TSchema, infer B, TSchema, string> ? Static<B> : never;
export type ResponseOf<O> = O extends Operation<TSchema, TSchema, infer R, string> ? Static<R> : never;

/** Declares an operation, keeping the types of its schemas and path. */
export function operation<
  Q extends TSchema = TSchema,
  B extends TSchema = TSchema,
  R extends TSchema = TSchema,
  const P extends string = string,
>(definition: Operation<Q, B, R, P>): Operation<Q, B, R, P> {
  return definition;
}

/** The names of the parameters in a path, in order. */
export function pathParameters(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1]!);
}

/** The action an operation needs for this request, or undefined where no action guards it. */
export function requiredAction(
  guard: Guard,
  request: { params: Record<string, string>; query: Record<string, unknown>; body: unknown },
): string | undefined {
  if (typeof guard === 'string') return guard;
  if (typeof guard === 'function') return guard(request);
  return undefined;
}
