import { childPath } from '../../../policy/json-text.ts';
import {
  type Condition,
  type ConditionTest,
  checkConditionValue,
  compileCondition,
  parseOperator,
} from '../../../policy/operators.ts';
import { PolicyError } from '../../../policy/policy-error.ts';

/**
 * Condition keys of bucket policies: what the request's conditions call it, by the names that OBS (bare), IAM (`g:`) and S3 (`aws:`,
 * `s3:`) have for it, in lower case.
 */
const KEYS: Record<string, string> = {
  sourceip: 'SourceIp',
  securetransport: 'SecureTransport',
  currenttime: 'CurrentTime',
  referer: 'Referer',
  useragent: 'UserAgent',
  prefix: 'prefix',
  delimiter: 'delimiter',
  'max-keys': 'max-keys',
  versionid: 'versionId',
  userid: 'UserId',
  username: 'UserName',
  domainname: 'DomainName',
  principalaccount: 'PrincipalAccount',
};
/** Headers by which an upload can be judged; the dialects differ in the prefix alone. */
const HEADERS =
  /^(?:x-obs-|x-amz-)(acl|copy-source|metadata-directive|storage-class|server-side-encryption|grant-(?:read|write|read-acp|write-acp|full-control|read-delivered|full-control-delivered))$/;

/** Keys as OBS writes them, for who writes a policy. */
export const CONDITION_KEYS: readonly string[] = [...Object.values(KEYS), 'x-obs-acl', 'x-obs-storage-class'];

const KEY_FORM =
  'SourceIp, SecureTransport, CurrentTime, Referer, UserAgent, prefix, delimiter, max-keys, versionId, x-obs-acl';

/** The name under which the conditions of a request hold a key of a policy. */
function conditionKey(text: string): string | undefined {
  const bare = text.toLowerCase().replace(/^(?:aws|s3|obs|g):/, '');
  if (Object.hasOwn(KEYS, bare)) return KEYS[bare];
  const header = HEADERS.exec(bare)?.[1];
  return header === undefined ? undefined : `x-${header}`;
}

/**
 * Reads the Condition of a statement. S3 calls numbers Numeric. Throws PolicyError naming the place.
 */
export function parseConditions(path: string, value: unknown): Condition[] {
  const found: Condition[] = [];
  for (const [operator, block] of members(path, value)) {
    const at = childPath(path, operator);
    const parsed = parseOperator(operator.replace(/(^|:)Numeric/, '$1Number'));
    if (!parsed)
      throw new PolicyError(
        at,
        `there is no operator ${JSON.stringify(clip(operator))}`,
        'StringEquals, StringLike, IpAddress and the like',
      );
    const negated = /Not/.test(parsed.base);
    for (const [name, given] of members(at, block)) {
      const place = childPath(at, name);
      const key = conditionKey(name);
      if (key === undefined) throw new PolicyError(place, 'there is no such condition key', KEY_FORM);
      const values = (Array.isArray(given) ? given : [given]).map(item => {
        if (typeof item !== 'string' && typeof item !== 'number' && typeof item !== 'boolean') {
          throw new PolicyError(
            place,
            'a value is neither text, number nor true or false',
            'text, number, true or false',
          );
        }
        const text = String(item);
        const problem = checkConditionValue(parsed.base, text);
        if (problem !== undefined) throw new PolicyError(place, problem, `a value that ${operator} can compare`);
        return text;
      });
      if (values.length === 0) throw new PolicyError(place, 'the list is empty', 'at least one value');
      // "Differs from" also holds of what is not there (as in S3): a Deny must not lapse when the header is left out.
      found.push({ operator, ...parsed, ifExists: parsed.ifExists || negated, key, values });
    }
  }
  return found;
}

/** Whether all of them hold. */
export function compileConditions(conditions: readonly Condition[]): ConditionTest {
  const tests = conditions.map(compileCondition);
  return context => tests.every(holds => holds(context));
}

function members(path: string, value: unknown): [string, unknown][] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new PolicyError(path, 'it is not an object', '{"StringEquals": {"prefix": ["public/"]}}');
  }
  return Object.entries(value);
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
