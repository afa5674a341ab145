import { obsFailure } from '../failures.ts';

/** What the policy of a form allows: until when, and with which fields and sizes. */
export interface PostPolicy {
  expiresAt: number;
  conditions: PostCondition[];
  /** Bytes of the file, inclusive. */
  size: { min: number; max: number };
}

interface PostCondition {
  kind: 'eq' | 'starts-with';
  /** In lower case. */
  field: string;
  value: string;
}

/** Fields that no condition needs to name (S3 "POST policy"; OBS "Browser-based upload"). */
const EXEMPT = /^(policy|file|signature|x-amz-signature|accesskeyid|awsaccesskeyid|token|x-ignore-.*)$/;

/**
 * Reads a policy: base64 of JSON, in which esdk-obs-nodejs leaves a comma behind the last condition. Throws Failure
 * InvalidPolicyDocument.
 */
export function parsePostPolicy(base64: string): PostPolicy {
  const text = Buffer.from(base64, 'base64').toString('utf8');
  let document: unknown;
  try {
    document = JSON.parse(withoutLastComma(text));
  } catch (cause) {
    throw obsFailure('InvalidPolicyDocument', 'The policy of the form is not the base64 form of JSON.', cause);
  }
  const { expiration, conditions } = (document ?? {}) as { expiration?: unknown; conditions?: unknown };
  const expiresAt = typeof expiration === 'string' ? Date.parse(expiration) : Number.NaN;
  if (Number.isNaN(expiresAt)) throw obsFailure('InvalidPolicyDocument', 'The policy has no valid expiration.');
  if (!Array.isArray(conditions)) throw obsFailure('InvalidPolicyDocument', 'The policy has no list of conditions.');
  const policy: PostPolicy = { expiresAt, conditions: [], size: { min: 0, max: Number.MAX_SAFE_INTEGER } };
  for (const condition of conditions) addCondition(policy, condition);
  return policy;
}

function withoutLastComma(text: string): string {
  return text.replace(/,\s*\]\s*\}\s*$/, ']}');
}

function addCondition(policy: PostPolicy, condition: unknown): void {
  if (Array.isArray(condition) && condition.length === 3 && typeof condition[0] === 'string') {
    const [kind, first, second] = [condition[0].toLowerCase(), condition[1], condition[2]];
    if (kind === 'content-length-range') {
      const [min, max] = [Number(first), Number(second)];
      if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || min < 0 || max < min) {
        throw obsFailure('InvalidPolicyDocument', 'content-length-range needs a least and a greatest number of bytes.');
      }
      policy.size = { min: Math.max(policy.size.min, min), max: Math.min(policy.size.max, max) };
      return;
    }
    const named = typeof first === 'string' && first.startsWith('$') && typeof second === 'string';
    if (named && (kind === 'eq' || kind === 'starts-with')) {
      policy.conditions.push({ kind, field: first.slice(1).toLowerCase(), value: second });
      return;
    }
  } else if (typeof condition === 'object' && condition !== null && !Array.isArray(condition)) {
    const pairs = Object.entries(condition);
    if (pairs.length > 0 && pairs.every(([, value]) => ['string', 'number'].includes(typeof value))) {
      for (const [name, value] of pairs) {
        policy.conditions.push({ kind: 'eq', field: name.toLowerCase(), value: String(value) });
      }
      return;
    }
  }
  const shown = JSON.stringify(condition)?.slice(0, 100);
  throw obsFailure('InvalidPolicyDocument', `The policy has a condition of no known form: ${shown}.`);
}

/**
 * Throws Failure AccessDenied when the policy has expired, a condition does not hold, or a field is named by none.
 * `values` gives a field's values that may match: the key counts with and without its `${filename}` filled in.
 */
export function checkPostPolicy(
  policy: PostPolicy,
  fields: ReadonlyMap<string, string>,
  values: (field: string) => string[],
  now: number,
): void {
  if (policy.expiresAt < now) throw refused('it has expired');
  const named = new Set<string>();
  for (const { kind, field, value } of policy.conditions) {
    named.add(field);
    const holds = (text: string) => (kind === 'eq' ? text === value : text.startsWith(value));
    const found = values(field);
    // Anything may match, also nothing.
    if (found.length === 0 && kind === 'starts-with' && value === '') continue;
    if (!found.some(holds))
      throw refused(`the condition ["${kind}", "$${field}", "${value.slice(0, 200)}"] does not hold`);
  }
  for (const field of fields.keys()) {
    if (!named.has(field) && !EXEMPT.test(field)) throw refused(`it does not name the field "${field.slice(0, 100)}"`);
  }
}

function refused(why: string): Error {
  return obsFailure('AccessDenied', `The form is not allowed by its policy: ${why}.`);
}
