/** An account (domain): owns everything; its root user has the account's name. */
export interface Account {
  id: string;
  name: string;
  enabled: boolean;
}

/** A region's container of resources. Each account has one per region, named like the region. */
export interface Project {
  id: string;
  accountId: string;
  name: string;
}

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
  failedLogins: number;
  lockedUntil: number | null;
}

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
}

/** Who can hold grants of policies. */
export type SubjectKind = 'group' | 'agency';

/** A policy given to a group or agency in a scope: the account's global services, one project, or all projects. */
export interface Grant {
  subjectKind: SubjectKind;
  subjectId: string;
  policyId: string;
  scope: GrantScope;
}

/** `domain`: global services; `inherited`: all resources; otherwise the id of one project. */
export type GrantScope = 'domain' | 'inherited' | { projectId: string };

/** The wire's limits (reference iam.json; behaviour/permissions.md 7). */
export const LIMITS = { keysPerUser: 2, agencies: 50, nameLength: 64, passwordMin: 8, passwordMax: 32 } as const;

const LOCK_AFTER = 5;
const LOCK_MS = 15 * 60_000;

/** The user after a wrong password: locked for 15 minutes at the fifth in a row. */
export function afterWrongPassword(user: User, now: number): Pick<User, 'failedLogins' | 'lockedUntil'> {
  const failedLogins = user.failedLogins + 1;
  return failedLogins >= LOCK_AFTER
    ? { failedLogins: 0, lockedUntil: now + LOCK_MS }
    : { failedLogins, lockedUntil: user.lockedUntil };
}

/** What is wrong with a password, or undefined (length, and two kinds of characters). */
export function passwordProblem(password: string, userName: string): string | undefined {
  if (password.length < LIMITS.passwordMin || password.length > LIMITS.passwordMax) {
    return `it must have ${LIMITS.passwordMin} to ${LIMITS.passwordMax} characters`;
  }
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter(kind => kind.test(password)).length;
  if (kinds < 2) return 'it must mix at least two of: lower case, upper case, digits, other characters';
  const reversed = [...userName].reverse().join('');
  if ([userName, reversed].includes(password)) return 'it must not be the user name, forwards or backwards';
  return undefined;
}

/** A grant scope as one text, for the database. */
export function scopeText(scope: GrantScope): string {
  return typeof scope === 'string' ? scope : `project:${scope.projectId}`;
}

/**
 * Whether a grant in this scope counts for a request. Global services (OBS, IAM) look at `domain` and `inherited`; OBS grants given
 * on a project are honoured too, because the console offers them there.
 */
export function scopeCovers(scope: string, projectId: string | undefined): boolean {
  return scope === 'domain' || scope === 'inherited' || projectId === undefined || scope === `project:${projectId}`;
}
