import type { AnyOperation } from '../http/index.ts';
import { type RequestParts, requiredAction } from '../wire/operation.ts';

/** Who calls, and what its policies allow, which an oracle needs to say what must come of it. */
export type Rights =
  | { kind: 'anonymous' | 'operator' }
  | { kind: 'user' | 'agency'; allows: (action: string) => boolean };

/** A body to call an operation with; `full` has besides what the schema requires. */
export interface Body {
  value: unknown;
  full: unknown;
}

/** A refusal that a declaration demands. */
interface Refusal {
  status: number;
  code: RegExp;
  message: RegExp;
}

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  anyOf?: Schema[];
  items?: Schema;
  const?: unknown;
  minimum?: number;
  minItems?: number;
}

/** The smallest value that a schema accepts. */
export function sample(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.anyOf) return sample(schema.anyOf[0]!);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries((schema.required ?? []).map(name => [name, sample(schema.properties![name]!)]));
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sample(schema.items!));
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    case 'boolean':
      return true;
    default:
      return 'x';
  }
}

/**
 * The bodies that make a difference to who may call: none, an empty one, and, where the body chooses the action, one for each member of
 * the schema, until every action that the guard names was reached. Throws when one never is.
 */
export function bodiesOf(operation: AnyOperation): (Body | undefined)[] {
  if (!operation.body) return [undefined];
  const schema = operation.body as Schema;
  const full = sample(schema) as object;
  const guard = operation.action;
  if (typeof guard !== 'object' || !('choose' in guard)) return [{ value: {}, full }];
  const candidates = [
    full,
    ...Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
      (child.anyOf ?? [child]).map(form => ({ ...full, [name]: sample(form) })),
    ),
  ];
  return guard.actions.map((action: string) => {
    const value = candidates.find(body => requiredAction(guard, { params: {}, query: {}, body }) === action);
    if (!value) throw new Error(`${operation.id}: no body of its schema needs ${action}`);
    return { value, full: { ...full, ...value } };
  });
}

/** What an operation's declaration demands of an answer to a caller with these rights: a certain refusal, or anything but one. */
export function expect(operation: AnyOperation, request: RequestParts, rights: Rights): Refusal | 'anything' {
  const guard = operation.action;
  const named = typeof guard === 'object' ? guard : {};
  if ('public' in named) return 'anything';
  if (rights.kind === 'anonymous')
    return {
      status: 401,
      code: /^(ModelArts\.020[123]|APIGW\.0301|IAM\.0001|EPS\.0003)$/,
      message: /^Incorrect IAM authentication information/,
    };
  const code = {
    modelarts: /^ModelArts\.0112$/,
    keystone: /^IAM\.0003$/,
    iam: /^IAM\.0003$/,
    eps: /^EPS\.0004$/,
    kps: /^KPS\.0403$/,
    nova: /^KPS\.0403$/,
  };
  const forbidden = { status: 403, code: code[operation.errors] };
  if ('operator' in named !== (rights.kind === 'operator')) {
    return { status: 403, code: /^IAM\.0003$/, message: /operator/ };
  }
  if (rights.kind === 'operator') return 'anything';
  const { allows } = rights as Exclude<Rights, { kind: 'anonymous' | 'operator' }>;
  const denied = (action: string) => ({ ...forbidden, message: new RegExp(`^Policy doesn't allow ${action}\\b`) });
  const action = requiredAction(guard, request);
  const isOwn =
    'own' in named && typeof named.own === 'function' && named.own(request) === undefined && rights.kind !== 'agency';
  if (action !== undefined && !isOwn && !allows(action)) return denied(action);
  for (const need of operation.needs?.(request) ?? []) {
    if (allows(need.action) || need.implied) continue;
    return { ...denied(need.action), ...(need.code ? { code: new RegExp(`^${need.code}$`) } : {}) };
  }
  return 'anything';
}
