import type { Iam } from '../iam/index.ts';
import { type Grant, invalid, oneOfAnyCase, USER_TYPES } from './workspace.ts';

/** A grant as it was sent. */
export interface GrantInput {
  user_id?: string | undefined;
  user_name?: string | undefined;
  user_type?: string | undefined;
}

export type GrantIam = Pick<Iam, 'user' | 'userByName' | 'agency' | 'findAgency'>;

/**
 * Whom the grants of a request mean (behaviour/permissions.md 8): `user_id` wins over `user_name`, `user_type` is IAM when absent.
 * Federated users are known to their identity provider alone and not looked up. One named twice is granted once.
 * Throws Failure 400 naming the entry that means nobody of the account.
 */
export async function resolveGrants(iam: GrantIam, accountId: string, inputs: readonly GrantInput[]): Promise<Grant[]> {
  const found = new Map<string, Grant>();
  for (const [at, input] of inputs.entries()) {
    const grant = await resolveGrant(iam, accountId, input, `grants[${at}]`);
    found.set(`${grant.userType} ${grant.userId ?? ''} ${grant.userId ? '' : grant.userName}`, grant);
  }
  return [...found.values()];
}

async function resolveGrant(iam: GrantIam, accountId: string, input: GrantInput, field: string): Promise<Grant> {
  const { user_id: id, user_name: name } = input;
  const userType = oneOfAnyCase(`${field}.user_type`, USER_TYPES, input.user_type || 'IAM');
  if (!id && !name) throw invalid(`Parameter [${field}] should have a user_id or a user_name.`);
  const member = id ? 'user_id' : 'user_name';
  const given = id || name!;
  if (given.length > 256) throw invalid(`Parameter [${field}.${member}] should have at most 256 characters.`);
  if (userType === 'FEDERATE') return { userType, ...(id ? { userId: id } : {}), ...(name ? { userName: name } : {}) };
  const agencies = userType === 'AGENCY';
  const found = await (agencies
    ? id
      ? iam.agency(id)
      : ofAccount(iam.findAgency(accountId, given), accountId)
    : id
      ? iam.user(id)
      : iam.userByName(accountId, given));
  if (found?.accountId === accountId) return { userType, userId: found.id, userName: found.name };
  throw invalid(
    `Parameter [${field}.${member}]: there is no ${agencies ? 'agency' : 'user'} ${given.slice(0, 64)} in this account.`,
    agencies ? 'GET /v3.0/OS-AGENCY/agencies lists them.' : 'GET /v3/users lists them.',
  );
}

async function ofAccount(found: ReturnType<GrantIam['findAgency']>, accountId: string) {
  const agency = await found;
  return agency && { id: agency.id, name: agency.name, accountId };
}
