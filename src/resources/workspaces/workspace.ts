import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';

/** Who may enter: everybody of the account, the creator alone, or the creator and those it was granted to. */
export const AUTH_TYPES = ['PUBLIC', 'PRIVATE', 'INTERNAL'] as const;
export type AuthType = (typeof AUTH_TYPES)[number];
export type WorkspaceStatus = 'NORMAL' | 'DELETING' | 'DELETE_FAILED';

export const USER_TYPES = ['IAM', 'FEDERATE', 'AGENCY'] as const;
export type UserType = (typeof USER_TYPES)[number];

/** Lets somebody into an INTERNAL workspace. Of a federated user the name alone may be known, or the id alone. */
export interface Grant {
  userType: UserType;
  userId?: string;
  userName?: string;
}

/** A part of a project, with its own members (behaviour/permissions.md 8). */
export interface Workspace {
  id: string;
  accountId: string;
  projectId: string;
  name: string;
  description: string;
  authType: AuthType;
  grants: Grant[];
  enterpriseProjectId: string;
  ownerId: string;
  ownerName: string;
  status: WorkspaceStatus;
  statusInfo: string;
  createdAt: number;
  updatedAt: number;
}

/** The workspace that every project has. */
export const DEFAULT_ID = '0';
/** Of a project, besides the default one. */
export const LIMIT = 100;
const NAME_RULE = /^[\p{L}\p{N}_-]{4,64}$/u;
const DESCRIPTION_MAX = 256;

/** The default workspace of a project: open to the account, in the default enterprise project, never changed. */
export function defaultWorkspace(accountId: string, projectId: string, accountName: string): Workspace {
  return {
    id: DEFAULT_ID,
    accountId,
    projectId,
    name: 'default',
    description: '',
    authType: 'PUBLIC',
    grants: [],
    enterpriseProjectId: '0',
    ownerId: '',
    ownerName: accountName,
    status: 'NORMAL',
    statusInfo: '',
    createdAt: 0,
    updatedAt: 0,
  };
}

/**
 * Whether a principal may be in a workspace, and why. An agency's session is let in as the agency, and as the user of this account
 * for whom it works: code in a job may be where its owner may be.
 */
export function admits(
  workspace: Pick<Workspace, 'accountId' | 'authType' | 'ownerId' | 'grants'>,
  principal: Principal,
): { allowed: boolean; reason: string } {
  const { authType, ownerId, accountId, grants } = workspace;
  if (principal.accountId !== accountId) return { allowed: false, reason: 'it belongs to another account.' };
  if (principal.kind === 'root') return { allowed: true, reason: 'The account may enter all its workspaces.' };
  if (authType === 'PUBLIC') return { allowed: true, reason: 'It is public: the whole account may enter.' };
  const { onBehalfOf } = principal;
  const worksFor = onBehalfOf && (onBehalfOf.accountId ?? accountId) === accountId ? onBehalfOf : undefined;
  if ((principal.kind !== 'agency' && principal.id === ownerId) || worksFor?.id === ownerId) {
    return { allowed: true, reason: 'It is the creator’s own.' };
  }
  if (authType === 'PRIVATE') return { allowed: false, reason: 'it is PRIVATE, for its creator and the account.' };
  const granted = grants.some(
    grant => isGranted(grant, principal) || (worksFor && grant.userType !== 'AGENCY' && grant.userId === worksFor.id),
  );
  return granted
    ? { allowed: true, reason: 'It is granted to the caller.' }
    : { allowed: false, reason: 'it is INTERNAL, and its grants do not name the caller.' };
}

const GRANTED_AS: Record<Principal['kind'], UserType | undefined> = {
  root: undefined,
  user: 'IAM',
  federated: 'FEDERATE',
  agency: 'AGENCY',
  operator: undefined,
  anonymous: undefined,
};

function isOwnUser({ accountId, onBehalfOf }: Principal): boolean {
  return onBehalfOf?.accountId === undefined || onBehalfOf.accountId === accountId;
}

function isGranted(grant: Grant, principal: Principal): boolean {
  if (grant.userType !== GRANTED_AS[principal.kind]) return false;
  // A session for a user of this account is as much let in as that user, whatever agency it goes by.
  if (principal.kind === 'agency' && principal.onBehalfOf && isOwnUser(principal)) return false;
  return grant.userId === undefined ? grant.userName === principal.name : grant.userId === principal.id;
}

/** Throws Failure 400 naming the field and the rule. */
export function checkFields(input: { name: string; description: string }): void {
  if (!NAME_RULE.test(input.name)) {
    throw invalid('Parameter [name] should have 4 to 64 letters, digits, underscores (_) or hyphens (-).');
  }
  if (input.name === 'default') {
    throw readOnly('Parameter [name] should not be default: that is the workspace which every project has.');
  }
  if ([...input.description].length > DESCRIPTION_MAX) {
    throw invalid(`Parameter [description] should have at most ${DESCRIPTION_MAX} characters.`);
  }
}

/** One of the values, written in any case. Throws Failure 400 naming them. */
export function oneOfAnyCase<const V extends string>(field: string, values: readonly V[], given: string): V {
  const found = values.find(value => value === given.toUpperCase());
  if (found) return found;
  throw invalid(`Parameter [${field}] should be one of ${JSON.stringify(values)}.`);
}

export function invalid(message: string, solution?: string): Failure {
  return new Failure({ code: 'ModelArts.0104', status: 400, message, ...(solution ? { solution } : {}) });
}

export function missing(id: string): Failure {
  return new Failure({
    code: 'ModelArts.7005',
    status: 400,
    message: `Parameter [workspace_id]: there is no workspace ${id.slice(0, 64)} in this project.`,
    solution: 'GET /v1/{project_id}/workspaces lists them; "0" is the default one.',
  });
}

/** For what would change the default workspace. */
export function readOnly(message = 'The default workspace cannot be changed or deleted.'): Failure {
  return new Failure({
    code: 'ModelArts.3566',
    status: 400,
    message,
    solution: 'Create a workspace: POST /v1/{project_id}/workspaces.',
  });
}

/** Throws Failure 400 ModelArts.7004 unless the workspace is in normal use. */
export function checkNormal(workspace: { name: string; status: WorkspaceStatus }): void {
  const { name, status } = workspace;
  if (status === 'NORMAL') return;
  throw new Failure({
    code: 'ModelArts.7004',
    status: 400,
    message: `The workspace ${name} is ${status}: nothing can be created or changed in it.`,
    solution: status === 'DELETING' ? 'Use another workspace.' : 'Delete it again, or use another workspace.',
  });
}
