import type { Static, TSchema } from 'typebox';

/** How a family words its errors on the wire; see error-body.ts. */
export type ErrorStyle = 'modelarts' | 'keystone' | 'iam' | 'eps' | 'kps' | 'nova';

/** What a declaration may look at of a request. Query and body are as they were sent, not validated: anything may be there. */
export interface RequestParts {
  params: Record<string, string>;
  query: Record<string, unknown>;
  body: unknown;
}

/**
 * Who may call an operation.
 * - a string: the IAM action that a policy must allow;
 * - `choose`: where the request decides (PUT of a service: `service:action` or `service:update`) which of `actions` it is;
 * - `or`: the action, or as well this other one; a policy that denies either denies both;
 * - `own`: the action, but for what is the caller's own: the id of the user whose it is (undefined: the caller's), or `target`
 *   where it takes a look at the thing;
 * - `authenticated`: any principal with a valid credential, with the reason why no action guards it;
 * - `operator`: whoever runs the installation, with the reason;
 * - `public`: anybody, with the reason.
 */
export type Guard =
  | string
  | { actions: readonly string[]; choose: (request: RequestParts) => string }
  | { action: string; or: string }
  | { action: string; own: ((request: RequestParts) => string | undefined) | 'target' }
  | { authenticated: string }
  | { operator: string }
  | { public: string };

/** What a function of the platform needs of the caller besides its own action (behaviour/permissions.md 6, last table). */
export interface Need {
  action: string;
  /** `service:region:account:type:path`; all resources when absent. */
  resource?: string;
  /** What it is needed for, for people: "to read the code". */
  why: string;
  /** Granted by whoever bound the caller's agency: only a Deny of the caller's own policies takes it away. */
  implied?: boolean;
  /** Code of the refusal; that of a denied action when absent. */
  code?: string;
}

/** A thing besides the target that a request builds on: the algorithm of a job, a model of a service. */
export interface Reference {
  /** The name its family looks it up under. */
  kind: string;
  id: string;
  /** What the caller must be allowed where the thing lies. */
  action: string;
  /** What it is needed for, for people: "to run it". */
  why: string;
  /** Code and status when there is none within reach: neither in the workspace of the operation nor in the default one. */
  missing: { code: string; status: number };
}

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
  /** The thing of the path that it is about: the name its family looks it up under, and the parameter that holds its id. */
  target?: { kind: string; param: string /** The parameter may hold several ids, separated by commas. */; list?: true };
  /** The thing that a success brings into being: its kind, and where its id stands in the answer, such as `metadata.id`. */
  makes?: { kind: string; id: string };
  /**
   * The workspace a request without a target is about: where something is created, or what is listed. Absent: it happens in no
   * workspace. Returning undefined or an empty text means the default one, `0`.
   */
  workspace?: (request: RequestParts) => string | undefined;
  /**
   * The enterprise project it is about where no workspace says so: where something is bound, what a list is narrowed to. Grants for that
   * enterprise project count (behaviour/permissions.md 1). Absent or undefined: the default one, `0`.
   */
  enterpriseProject?: (request: RequestParts) => string | undefined;
  /** Codes of a workspace that is not there and of one that the caller may not enter; ModelArts.7005 and ModelArts.0112 when absent. */
  workspaceErrors?: { missing: { code: string; status: number }; denied: { code: string; status: number } };
  /** Condition keys that this request gives a value, e.g. `modelarts:poolType`. */
  conditions?: (request: RequestParts) => Record<string, unknown>;
  /** Open to a user whose password must be changed first. */
  beforePasswordChange?: boolean;
  /** What the caller needs besides. */
  needs?: (request: RequestParts) => readonly Need[];
  /** Things it builds on (docs/decisions/0010). */
  refers?: (request: RequestParts) => readonly Reference[];
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
  /** A member given twice in the body is refused: what a person read must be what counts. */
  membersOnce?: boolean;
  /** Largest body in bytes, 1 MiB when absent. */
  bodyLimit?: number;
  /** The body is a form as browsers post it (application/x-www-form-urlencoded), of which each member counts once. */
  form?: boolean;
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
export function requiredAction(guard: Guard, request: RequestParts): string | undefined {
  if (typeof guard === 'string') return guard;
  if ('choose' in guard) return guard.choose(request);
  return 'action' in guard ? guard.action : undefined;
}

/** The ids of a comma-separated list, each once. */
export function listedIds(text: string): string[] {
  return [...new Set(text.split(',').map(id => id.trim()))].filter(id => id !== '');
}

/** The text at a path into a value of any shape, or undefined when there is none: for declarations, which see what was sent. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

/** What lies at a path into a value of any shape. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const step of path) {
    if (found === null || typeof found !== 'object' || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}

/** As many members as any list of a body may have; a longer one fits no schema. */
export const LONGEST_LIST = 100;

/** The list at a path into a value of any shape; empty when there is none, or one that no schema takes. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) && found.length <= LONGEST_LIST ? found : [];
}

/** The workspace that a list names in its query, in either spelling (reference api/README 2.2). */
export function workspaceOfQuery({ query }: RequestParts): string | undefined {
  const named = query.workspace_id ?? query.workspaceId;
  return typeof named === 'string' ? named : undefined;
}
