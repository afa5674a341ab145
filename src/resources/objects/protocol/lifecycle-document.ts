import { hexId } from '../../../kernel/ids.ts';
import { obsFailure } from '../failures.ts';
import type { LifecycleConditions, LifecycleRule, LifecycleSettings, LifecycleTag } from '../settings.ts';
import { group, integer, list, oneOf, required, type Shape, storageClass, text } from './xml-shape.ts';

const MAX_RULES = 1000;
const MAX_DAYS = 2 ** 31 - 1;
const MAX_SIZE = 48.8 * 1024 ** 4;
const SIZE = integer(0, MAX_SIZE);
const DAYS = integer(1, MAX_DAYS);
const DATE = text(40, /^\d{4}-\d\d-\d\dT00:00:00(\.0+)?(Z|\+00:00)$/, 'midnight UTC, such as 2030-01-31T00:00:00Z');

const conditions: Shape<LifecycleConditions> = {
  Prefix: text(1024),
  Tag: list(group<LifecycleTag>({ Key: required(text(128)), Value: required(text(256)) }), 0, 10),
  ObjectSizeGreaterThan: SIZE,
  ObjectSizeLessThan: SIZE,
};

/** `<LifecycleConfiguration>` (OBS "Configuring Bucket Lifecycle Rules", S3 PutBucketLifecycleConfiguration). */
export const lifecycleShape: Shape<LifecycleSettings> = {
  Rule: list(
    group<LifecycleRule>({
      ID: text(255),
      Prefix: text(1024),
      Filter: group({ ...conditions, And: group(conditions) }),
      Status: required(oneOf('Enabled', 'Disabled')),
      Transition: list(
        group({ Date: DATE, Days: integer(0, MAX_DAYS), StorageClass: required(storageClass) }),
        0,
        MAX_RULES,
      ),
      Expiration: group({ Date: DATE, Days: DAYS, ExpiredObjectDeleteMarker: oneOf<string>('true', 'false') }),
      NoncurrentVersionTransition: list(
        group({
          NoncurrentDays: required(integer(0, MAX_DAYS)),
          NewerNoncurrentVersions: integer(1, 100),
          StorageClass: required(storageClass),
        }),
        0,
        MAX_RULES,
      ),
      NoncurrentVersionExpiration: group({
        NoncurrentDays: required(DAYS),
        NewerNoncurrentVersions: integer(1, 100),
      }),
      AbortIncompleteMultipartUpload: group({ DaysAfterInitiation: required(DAYS) }),
    }),
    1,
    MAX_RULES,
  ),
};

/** Gives rules without a name one. Throws Failure InvalidArgument or MalformedXML where rules contradict themselves or each other. */
export function checkLifecycle(settings: LifecycleSettings): void {
  const ids = new Set<string>();
  for (const [index, rule] of settings.Rule.entries()) {
    const name = `Rule ${rule.ID || index + 1}`;
    if (rule.ID && ids.size === ids.add(rule.ID).size) invalid(`${name}: another rule has this ID.`);
    checkRule(rule, name);
    rule.ID ||= hexId();
  }
}

function checkRule(rule: LifecycleRule, name: string): void {
  const { Transition = [], Expiration, NoncurrentVersionTransition = [], NoncurrentVersionExpiration } = rule;
  if ((rule.Prefix === undefined) === (rule.Filter === undefined)) {
    throw obsFailure('MalformedXML', `${name}: give either Prefix or Filter.`);
  }
  checkFilter(rule, name);
  const actions = [Expiration, NoncurrentVersionExpiration, rule.AbortIncompleteMultipartUpload].filter(Boolean);
  if (actions.length + Transition.length + NoncurrentVersionTransition.length === 0) {
    invalid(`${name}: at least one action is needed, such as Expiration.`);
  }
  if (Expiration && one(Expiration.Date, Expiration.Days, Expiration.ExpiredObjectDeleteMarker) !== 1) {
    throw obsFailure('MalformedXML', `${name}: Expiration holds one of Date, Days and ExpiredObjectDeleteMarker.`);
  }
  for (const transition of Transition) {
    if (one(transition.Date, transition.Days) !== 1) {
      throw obsFailure('MalformedXML', `${name}: Transition holds either Date or Days.`);
    }
    checkOrder(transition, Expiration, name);
  }
  checkClasses([...Transition, { StorageClass: 'STANDARD' as const }], name, 'Transition');
  checkClasses(
    [...NoncurrentVersionTransition, { StorageClass: 'STANDARD' as const }],
    name,
    'NoncurrentVersionTransition',
  );
  const warm = Transition.find(({ StorageClass }) => StorageClass === 'WARM');
  const cold = Transition.find(({ StorageClass }) => StorageClass === 'COLD');
  if (warm && cold) checkOrder(warm, cold, name);
  const expiry = NoncurrentVersionExpiration?.NoncurrentDays;
  for (const { NoncurrentDays } of NoncurrentVersionTransition) {
    if (expiry !== undefined && expiry <= NoncurrentDays) {
      invalid(`${name}: NoncurrentVersionExpiration must come after NoncurrentVersionTransition.`);
    }
  }
}

function checkFilter(rule: LifecycleRule, name: string): void {
  const { And, ...plain } = rule.Filter ?? {};
  const parts = Object.keys(plain).length + (And ? 1 : 0);
  if (parts > 1 || (plain.Tag?.length ?? 0) > 1) {
    throw obsFailure('MalformedXML', `${name}: a Filter of several conditions holds them in And.`);
  }
  const { Tag = [], ObjectSizeGreaterThan, ObjectSizeLessThan } = And ?? plain;
  if (new Set(Tag.map(tag => tag.Key)).size < Tag.length) invalid(`${name}: Filter names a tag twice.`);
  if ((ObjectSizeGreaterThan ?? 0) >= (ObjectSizeLessThan ?? Number.POSITIVE_INFINITY)) {
    invalid(`${name}: ObjectSizeLessThan must be greater than ObjectSizeGreaterThan.`);
  }
  if (Tag.length > 0 && rule.AbortIncompleteMultipartUpload) {
    invalid(`${name}: AbortIncompleteMultipartUpload cannot go by tags: uploads have none.`);
  }
  if (Tag.length > 0 && rule.Expiration?.ExpiredObjectDeleteMarker) {
    invalid(`${name}: ExpiredObjectDeleteMarker cannot go by tags: delete markers have none.`);
  }
}

interface When {
  Date?: string;
  Days?: number;
}

function checkOrder(earlier: When, later: When | undefined, name: string): void {
  if (later?.Days !== undefined && earlier.Days !== undefined && later.Days <= earlier.Days) {
    invalid(`${name}: ${later.Days} days must be more than the ${earlier.Days} of the transition before.`);
  }
  if (later?.Date && earlier.Date && Date.parse(later.Date) <= Date.parse(earlier.Date)) {
    invalid(`${name}: ${later.Date} must be later than the transition before, ${earlier.Date}.`);
  }
  if ((later?.Days !== undefined && earlier.Date) || (later?.Date && earlier.Days !== undefined)) {
    invalid(`${name}: Date and Days cannot be mixed in one rule.`);
  }
}

/** Each class once, and none is a change to STANDARD. */
function checkClasses(given: readonly { StorageClass: string }[], name: string, element: string): void {
  const classes = given.map(({ StorageClass }) => StorageClass);
  if (new Set(classes).size < classes.length) {
    invalid(`${name}: ${element} goes to WARM or COLD, to each at most once.`);
  }
}

function one(...values: unknown[]): number {
  return values.filter(value => value !== undefined).length;
}

function invalid(message: string): never {
  throw obsFailure('InvalidArgument', message);
}
