import { DAY_MS } from './archive.ts';
import type { ObjectInfo, StorageClass } from './object.ts';
import type { LifecycleConditions, LifecycleRule, LifecycleSettings } from './settings.ts';

/** What a rule looks at. */
export type LifecycleSubject = Pick<ObjectInfo, 'key' | 'size' | 'lastModified' | 'storageClass' | 'tags'>;

/** What is to be done to an object now. */
export type LifecycleAction = { kind: 'expire' } | { kind: 'transition'; storageClass: StorageClass } | undefined;

const RANK: Record<StorageClass, number> = { STANDARD: 0, WARM: 1, COLD: 2 };

export function rulePrefix(rule: LifecycleRule): string {
  return rule.Prefix ?? rule.Filter?.And?.Prefix ?? rule.Filter?.Prefix ?? '';
}

export function enabledRules(settings: LifecycleSettings): LifecycleRule[] {
  return settings.Rule.filter(rule => rule.Status === 'Enabled');
}

/** Whether a rule is about an object: prefix, all tags, and size. */
export function ruleApplies(rule: LifecycleRule, subject: Pick<LifecycleSubject, 'key' | 'size' | 'tags'>): boolean {
  if (!subject.key.startsWith(rulePrefix(rule))) return false;
  const conditions: LifecycleConditions = rule.Filter?.And ?? rule.Filter ?? {};
  const { Tag = [], ObjectSizeGreaterThan, ObjectSizeLessThan } = conditions;
  return (
    Tag.every(tag => subject.tags?.[tag.Key] === tag.Value) &&
    subject.size > (ObjectSizeGreaterThan ?? -1) &&
    subject.size < (ObjectSizeLessThan ?? Number.POSITIVE_INFINITY)
  );
}

/** `days` after `since`, rounded up to the next midnight UTC, as OBS and S3 count. */
export function daysAfter(since: number, days: number): number {
  return Math.ceil((since + days * DAY_MS) / DAY_MS) * DAY_MS;
}

function dueAt(when: { Date?: string; Days?: number }, since: number): number | undefined {
  if (when.Date !== undefined) return Date.parse(when.Date);
  return when.Days === undefined ? undefined : daysAfter(since, when.Days);
}

/** When, and by which rule, an object expires first. */
export function expirationOf(
  settings: LifecycleSettings,
  subject: LifecycleSubject,
): { at: number; id: string } | undefined {
  let first: { at: number; id: string } | undefined;
  for (const rule of enabledRules(settings)) {
    const at = rule.Expiration && ruleApplies(rule, subject) ? dueAt(rule.Expiration, subject.lastModified) : undefined;
    if (at !== undefined && (!first || at < first.at)) first = { at, id: rule.ID ?? '' };
  }
  return first;
}

/** What rules ask for a current object. Expiring goes before changing the class; of classes the coldest one counts. */
export function currentAction(
  rules: readonly LifecycleRule[],
  subject: LifecycleSubject,
  now: number,
): LifecycleAction {
  let target = subject.storageClass;
  for (const rule of rules) {
    if (!ruleApplies(rule, subject)) continue;
    const expiry = rule.Expiration && dueAt(rule.Expiration, subject.lastModified);
    if (expiry !== undefined && expiry <= now) return { kind: 'expire' };
    for (const transition of rule.Transition ?? []) {
      const due = (dueAt(transition, subject.lastModified) ?? now + 1) <= now;
      if (due && RANK[transition.StorageClass] > RANK[target]) target = transition.StorageClass;
    }
  }
  return target === subject.storageClass ? undefined : { kind: 'transition', storageClass: target };
}

/** What rules ask for a version that is not current since `since`, of which `newer` noncurrent ones are newer. */
export function noncurrentAction(
  rules: readonly LifecycleRule[],
  subject: LifecycleSubject & { since: number; newer: number },
  now: number,
): LifecycleAction {
  let target = subject.storageClass;
  const due = (when: { NoncurrentDays: number; NewerNoncurrentVersions?: number }) =>
    daysAfter(subject.since, when.NoncurrentDays) <= now && subject.newer >= (when.NewerNoncurrentVersions ?? 0);
  for (const rule of rules) {
    if (!ruleApplies(rule, subject)) continue;
    if (rule.NoncurrentVersionExpiration && due(rule.NoncurrentVersionExpiration)) return { kind: 'expire' };
    for (const transition of rule.NoncurrentVersionTransition ?? []) {
      if (due(transition) && RANK[transition.StorageClass] > RANK[target]) target = transition.StorageClass;
    }
  }
  return target === subject.storageClass ? undefined : { kind: 'transition', storageClass: target };
}
