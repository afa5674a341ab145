import { hexId } from '../../kernel/ids.ts';
import { invalid } from './iam.failures.ts';

/** An account (domain): owns everything; its root user has the account's name. */
export interface Account {
  id: string;
  name: string;
  enabled: boolean;
  authMode: AuthMode;
  description: string;
  /** Milliseconds since the epoch; 0 for accounts of older versions. */
  createdAt: number;
}

/**
 * What no policy speaks of: refused in `strict` mode; in `loose` mode users may use ModelArts without a grant, and administrators
 * restrict them by denials (behaviour/permissions.md 3).
 */
export type AuthMode = 'strict' | 'loose';

/** A region's container of resources. Each account has one per region, named like the region. */
export interface Project {
  id: string;
  accountId: string;
  name: string;
  description: string;
  status: ProjectStatus;
}

/** A suspended project refuses all that is done in it; what runs there runs on. */
export type ProjectStatus = 'normal' | 'suspended';

export interface User {
  id: string;
  accountId: string;
  name: string;
  isRoot: boolean;
  enabled: boolean;
  description: string;
  passwordHash: string | null;
  /** Raised to revoke every token and temporary key issued before. */
  generation: number;
  createdAt: number;
  accessMode: AccessMode;
  /** The password was given by somebody else and is good for nothing but choosing another. */
  mustChangePassword: boolean;
  contact: Contact;
  /** Hashes of the passwords before this one, newest first. */
  formerPasswords: readonly string[];
  passwordChangedAt: number | null;
  lastLoginAt: number | null;
}

/** A user of an account with nothing but a name. `now`: milliseconds since the epoch. */
export function newUser(accountId: string, name: string, now: number): User {
  return {
    id: hexId(),
    accountId,
    name,
    isRoot: false,
    enabled: true,
    description: '',
    passwordHash: null,
    generation: 1,
    createdAt: now,
    accessMode: 'default',
    mustChangePassword: false,
    contact: {},
    formerPasswords: [],
    passwordChangedAt: null,
    lastLoginAt: null,
  };
}

/** How a user may come in: `programmatic` by keys alone, `console` by password alone, `default` by both. */
export type AccessMode = 'default' | 'programmatic' | 'console';

/** What is kept of a user for people; nothing is sent anywhere. */
export interface Contact {
  email?: string;
  areacode?: string;
  phone?: string;
  xuser_type?: string;
  xuser_id?: string;
}

/** Wrong passwords given for one name, whether there is such a user or not. */
export interface LoginFailures {
  count: number;
  /** When the first of them came, in milliseconds since the epoch. */
  since: number;
  lockedUntil: number | null;
}

/** The trust of agencies that the platform itself assumes. */
export const PLATFORM_TRUST = 'service:modelarts';

/** A delegation to the platform's service or to another account. */
export interface Agency {
  id: string;
  accountId: string;
  name: string;
  description: string;
  /** `service:modelarts`, or the id of the trusted account. */
  trust: string;
  generation: number;
  createdAt: number;
  /** `FOREVER`, `ONEDAY`, or a number of days. */
  duration: string;
  /** Milliseconds since the epoch; null for ever. */
  expiresAt: number | null;
}

const DAY_MS = 24 * 3600_000;
const MAX_AGENCY_DAYS = 3650;

/**
 * The life of an agency as IAM writes it: `FOREVER` (also when nothing is said), `ONEDAY`, or days as number or digits. Throws Failure
 * when it is none of these. `now`: milliseconds since the epoch.
 */
export function agencyLife(given: unknown, now: number): Pick<Agency, 'duration' | 'expiresAt'> {
  if (given === undefined || given === null || given === '' || given === 'FOREVER') {
    return { duration: 'FOREVER', expiresAt: null };
  }
  if (given === 'ONEDAY') return { duration: 'ONEDAY', expiresAt: now + DAY_MS };
  const days = Number(given);
  if (Number.isInteger(days) && days >= 1 && days <= MAX_AGENCY_DAYS && /^\d+$/.test(String(given))) {
    return { duration: String(days), expiresAt: now + days * DAY_MS };
  }
  throw invalid(`Field [agency.duration] should be FOREVER, ONEDAY, or a number of days from 1 to ${MAX_AGENCY_DAYS}.`);
}

/** Whether an agency may be assumed, and what was issued for it be used. */
export function isAlive(agency: Pick<Agency, 'expiresAt'>, now: number): boolean {
  return agency.expiresAt === null || now < agency.expiresAt;
}

/** Who can hold grants of policies; users hold them for enterprise projects alone. */
export type SubjectKind = 'group' | 'agency' | 'user';

/** `domain`: global services; `inherited`: all resources; otherwise the id of one project, or of one enterprise project. */
export type GrantScope = 'domain' | 'inherited' | { projectId: string } | { enterpriseProjectId: string };

/** Limits of an account (behaviour/permissions.md 7). */
export const LIMITS = {
  keysPerUser: 2,
  agencies: 50,
  policies: 200,
  projects: 10,
  users: 1000,
  groups: 200,
  nameLength: 64,
  passwordMin: 8,
  passwordMax: 32,
  grantsPerSubject: 500,
  formerPasswords: 3,
} as const;

/** Throws Failure naming the first member that is not of its form, or lacks the one it goes with. */
export function checkContact(contact: Contact): void {
  const forms: [keyof Contact, RegExp, string][] = [
    ['email', /^[^\s@\p{Cc}]{1,64}@[^\s@\p{Cc}]{1,190}$/u, 'an e-mail address'],
    ['areacode', /^\+?\d{1,5}$/, 'a country code such as 0086'],
    ['phone', /^\d{4,32}$/, '4 to 32 digits'],
    ['xuser_type', /^[\w-]{1,64}$/, 'at most 64 letters, digits, _ or -'],
    ['xuser_id', /^[\w-]{1,128}$/, 'at most 128 letters, digits, _ or -'],
  ];
  for (const [name, form, words] of forms) {
    const value = contact[name];
    if (value !== undefined && value !== '' && !form.test(value))
      throw invalid(`Field [user.${name}] should be ${words}.`);
  }
  const both: [keyof Contact, keyof Contact][] = [
    ['areacode', 'phone'],
    ['xuser_type', 'xuser_id'],
  ];
  for (const [one, other] of both) {
    if ((contact[one] ?? '') === '' && (contact[other] ?? '') === '') continue;
    if (contact[one] && contact[other]) continue;
    throw invalid(`Fields [user.${one}] and [user.${other}] belong together.`);
  }
}

const LOCK_AFTER = 5;
/** Failures within this time add up, and a lock lasts as long. */
export const LOCK_MS = 15 * 60_000;

/**
 * Counts an attempt to log in as failed; it is taken back when the password turns out right. Counting first keeps attempts
 * made at once from each being the first. `locked`: no attempt is allowed now.
 */
export function countAttempt(before: LoginFailures | undefined, now: number): LoginFailures | 'locked' {
  if (before?.lockedUntil != null && now < before.lockedUntil) return 'locked';
  const stale = before === undefined || before.lockedUntil !== null || now - before.since >= LOCK_MS;
  const count = stale ? 1 : before.count + 1;
  return { count, since: stale ? now : before.since, lockedUntil: count >= LOCK_AFTER ? now + LOCK_MS : null };
}

/** What is wrong with a password, or undefined (length, two kinds of characters, nothing of its owner). */
export function passwordProblem(password: string, owner: { name: string; contact: Contact }): string | undefined {
  const length = [...password].length;
  if (length < LIMITS.passwordMin || length > LIMITS.passwordMax) {
    return `it must have ${LIMITS.passwordMin} to ${LIMITS.passwordMax} characters`;
  }
  if (/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}]/u.test(password)) return 'it must not contain invisible characters';
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter(kind => kind.test(password)).length;
  if (kinds < 2) return 'it must mix at least two of: lower case, upper case, digits, other characters';
  const given = password.toLowerCase();
  const name = owner.name.toLowerCase();
  if ([name, [...name].reverse().join('')].includes(given))
    return 'it must not be the user name, forwards or backwards';
  const { email, phone } = owner.contact;
  if (email && given === email.toLowerCase()) return 'it must not be the e-mail address of the user';
  if (phone && given.includes(phone)) return 'it must not contain the phone number of the user';
  return undefined;
}

/** A grant scope as one text, for the database. */
export function scopeText(scope: GrantScope): string {
  if (typeof scope === 'string') return scope;
  return 'projectId' in scope ? `project:${scope.projectId}` : `ep:${scope.enterpriseProjectId}`;
}

/** Where something is done: the project the credential is scoped to, and the enterprise project of the workspace. */
export interface Place {
  projectId?: string | undefined;
  enterpriseProjectId: string;
}

/**
 * What of the grants in a scope counts for an action: everything, the denials alone, or nothing. A credential without a project may be
 * used on any, so no project's denial must be lost by leaving it out.
 */
export function scopeCounts(scope: string, action: string, place: Place): 'all' | 'denials' | 'none' {
  if (scope === 'domain' || scope === 'inherited') return 'all';
  if (scope.startsWith('ep:')) return scope === `ep:${place.enterpriseProjectId}` ? 'all' : 'none';
  // Object storage is global, but the console offers its policies on projects too: those count wherever they were given.
  if (action.startsWith('obs:')) return 'all';
  if (place.projectId === undefined) return 'denials';
  return scope === `project:${place.projectId}` ? 'all' : 'none';
}
