import type { Clock } from '../../kernel/clock.ts';
import { Failure, isFailure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import { commonUserPolicies } from '../../policy/index.ts';
import type { Iam } from '../iam/index.ts';
import type { AuthorizationRow, authorizationStore } from './authorization.store.ts';

/** How everybody is written in answers; `all` is taken too. */
export const ALL_USERS = 'all-users';

const PLATFORM = 'service:modelarts';
/** As long as the names of federated users are. */
const NAME_CHARACTERS = 128;
const AGENCY_TAKEN = 'IAM.0009';
const AGENCY_LIMIT = 'IAM.0012';
const SEVERAL = 'IAM.0011';

export interface NewAuthorization {
  userId?: string | undefined;
  userName?: string | undefined;
  userType?: string | undefined;
  type?: string | undefined;
  content: string;
}

/** What the family asks of identities. */
export type AuthorizationsIam = Pick<
  Iam,
  'createAgency' | 'findAgency' | 'agency' | 'user' | 'userByName' | 'group' | 'federatedUser' | 'federatedUserByName'
>;

export type AuthorizationService = ReturnType<typeof authorizationService>;

/** Which agency the platform uses for whom (behaviour/permissions.md 7). */
export function authorizationService(deps: {
  store: ReturnType<typeof authorizationStore>;
  clock: Clock;
  iam: AuthorizationsIam;
}) {
  const { store, clock, iam } = deps;

  /** Whatever its policies allow, code that runs by an agency must not choose by which agency things run. */
  function checkPerson(principal: Principal): void {
    if (principal.kind !== 'agency') return;
    throw new Failure({
      code: 'ModelArts.0108',
      status: 403,
      message: 'You are not authorized to manage authorizations: sessions of agencies never are.',
      solution: 'Ask the owner of the account, or a Security Administrator.',
    });
  }

  /** Whom an entry is for; the caller when nobody is named. */
  async function subject(
    principal: Principal,
    input: Pick<NewAuthorization, 'userId' | 'userName' | 'userType'>,
  ): Promise<Pick<AuthorizationRow, 'user_id' | 'user_name' | 'user_type'>> {
    const { userId, userName, userType } = input;
    if (userType === ALL_USERS || userId === 'all' || userId === ALL_USERS) {
      return { user_id: ALL_USERS, user_name: ALL_USERS, user_type: ALL_USERS };
    }
    if (userType === 'grant') {
      const agency = userId ? await iam.agency(userId) : undefined;
      if (agency?.accountId === principal.accountId) {
        return { user_id: agency.id, user_name: agency.name, user_type: 'grant' };
      }
      throw unknownUser('user_id', userId ?? '', 'an agency of this account when user_type is grant');
    }
    if (userType === 'federate') return federated(principal, userId, userName);
    if (userType === 'federation-group') {
      const group = userId ? await iam.group(userId) : undefined;
      if (group?.accountId === principal.accountId) {
        return { user_id: group.id, user_name: group.name, user_type: userType };
      }
      throw unknownUser('user_id', userId ?? '', 'a group of GET /v3/groups when user_type is federation-group');
    }
    if (userId === undefined && userName === undefined) {
      const user_type = principal.kind === 'federated' ? 'federate' : 'iam';
      return { user_id: principal.id, user_name: principal.name, user_type };
    }
    const user = userId ? await iam.user(userId) : await iam.userByName(principal.accountId, userName!);
    if (user?.accountId === principal.accountId) return { user_id: user.id, user_name: user.name, user_type: 'iam' };
    throw unknownUser(userId ? 'user_id' : 'user_name', userId ?? userName!, 'a user of GET /v3/users, or "all"');
  }

  /** A federated user, who may be named before the first login: the entry is the name's until then. */
  async function federated(
    { accountId }: Principal,
    userId: string | undefined,
    userName: string | undefined,
  ): Promise<Pick<AuthorizationRow, 'user_id' | 'user_name' | 'user_type'>> {
    const user_type = 'federate';
    if (userId === undefined && userName && userName.length <= NAME_CHARACTERS) {
      const user = await iam.federatedUserByName(accountId, userName).catch(error => {
        if (!isFailure(error, SEVERAL)) throw error;
        throw new Failure({ code: 'ModelArts.0422', status: 400, message: `Parameter [user_name]: ${error.message}` });
      });
      return { user_id: user?.id ?? byName(userName), user_name: userName, user_type };
    }
    const user = userId ? await iam.federatedUser(userId) : undefined;
    if (user?.accountId === accountId) return { user_id: user.id, user_name: user.name, user_type };
    const allowed = 'a federated user of this account, or give the name in user_name';
    throw unknownUser(userId ? 'user_id' : 'user_name', userId ?? userName ?? '', allowed);
  }

  return {
    /** The name of a new agency with the permissions of a common user. Throws Failure 400 ModelArts.0421, 403 ModelArts.4500. */
    async createAgency(principal: Principal, suffix: string): Promise<string> {
      checkPerson(principal);
      if (!/^[\w-]{0,50}$/.test(suffix)) {
        throw new Failure({
          code: 'ModelArts.0104',
          status: 400,
          message: 'Parameter [agency_name_suffix] should have at most 50 letters, digits, - or _.',
        });
      }
      const name = suffix === '' ? 'modelarts_agency' : `ma_agency_${suffix}`;
      try {
        await iam.createAgency({
          accountId: principal.accountId,
          name,
          description: 'Lets ModelArts reach the services it depends on.',
          trust: PLATFORM,
          policies: [...commonUserPolicies],
        });
      } catch (error) {
        if (isFailure(error, AGENCY_LIMIT)) {
          throw new Failure({
            code: 'ModelArts.4500',
            status: 403,
            message: error.message,
            ...(error.solution ? { solution: error.solution } : {}),
          });
        }
        if (!isFailure(error, AGENCY_TAKEN)) throw error;
        throw new Failure({
          code: 'ModelArts.0421',
          status: 400,
          message: `The agency ${name} exists already.`,
          solution: 'Use it as it is, or choose another agency_name_suffix.',
        });
      }
      return name;
    },

    async create(principal: Principal, projectId: string, input: NewAuthorization): Promise<void> {
      checkPerson(principal);
      if ((input.type ?? 'agency') !== 'agency') {
        throw new Failure({
          code: 'ModelArts.0425',
          status: 400,
          message: 'Parameter [type] should be agency: access keys are not kept for authorization.',
          solution: 'Create an agency with POST /v2/{project_id}/agency and name it in content.',
        });
      }
      const agency = await iam.findAgency(principal.accountId, input.content);
      if (agency?.trust !== PLATFORM) {
        throw new Failure({
          code: 'ModelArts.0420',
          status: 400,
          message: `Parameter [content]: there is no agency ${input.content.slice(0, 64)} in this account that trusts ModelArts.`,
          solution: 'Create it with POST /v2/{project_id}/agency.',
        });
      }
      const who = await subject(principal, input);
      const row = { ...who, project_id: projectId, type: 'agency', content: agency.name, created_at: clock.now() };
      if (await store.insert(row)) return;
      throw new Failure({
        code: 'ModelArts.0424',
        status: 400,
        message: `${who.user_id === ALL_USERS ? 'All users have' : `User ${who.user_name} has`} an authorization already.`,
        solution: `Delete it first: DELETE /v2/{project_id}/authorizations?user_id=${who.user_id}`,
      });
    },

    list: store.list,

    /** Removes one entry; the caller's own when nobody is named. Resolves with whose it was. Throws Failure 400 ModelArts.0429. */
    async remove(principal: Principal, projectId: string, userId: string | undefined): Promise<string> {
      checkPerson(principal);
      const id = userId === 'all' ? ALL_USERS : (userId ?? principal.id);
      if (await store.remove(projectId, id)) return id;
      throw new Failure({
        code: 'ModelArts.0429',
        status: 400,
        message: `Parameter [user_id]: there is no authorization for ${id.slice(0, 64)}.`,
        solution: 'GET /v2/{project_id}/authorizations lists them.',
      });
    },

    /**
     * The agency by which the platform acts for this caller: the caller's own entry, else that of one of the groups of a federated
     * user, else the one for all users. What runs with the platform's own agency goes on with it. Throws Failure 403 ModelArts.2785 when there is none, or it was deleted.
     */
    async agencyFor(principal: Principal, projectId: string): Promise<string> {
      const row =
        (await store.find(projectId, principal.id)) ??
        (await own(principal)) ??
        (await ofFederated(principal, projectId)) ??
        (await store.find(projectId, ALL_USERS));
      const agency = row && (await iam.findAgency(principal.accountId, row.content));
      if (agency?.trust === PLATFORM) return agency.name;
      throw new Failure({
        code: 'ModelArts.2785',
        status: 403,
        message: row
          ? `The platform is not authorized to act for this user: the agency ${row.content} that is bound does not exist any more.`
          : 'The platform is not authorized to act for this user: no agency is bound.',
        solution:
          'An administrator binds one on Settings > Global Configuration, or with POST /v2/{project_id}/authorizations (user_id "all" is for everybody).',
      });
    },
  };

  /** By the name of a federated user, then by the groups: where several have an entry, by the one of the oldest. */
  async function ofFederated(principal: Principal, projectId: string): Promise<{ content: string } | undefined> {
    if (principal.kind !== 'federated') return undefined;
    const named = await store.find(projectId, byName(principal.name));
    if (named) return named;
    const groups = new Set(principal.groups);
    const entries = (await store.list(projectId)).filter(
      row => row.user_type === 'federation-group' && groups.has(row.user_id),
    );
    return entries.sort((a, b) => a.created_at - b.created_at || (a.user_id < b.user_id ? -1 : 1))[0];
  }

  async function own(principal: Principal): Promise<{ content: string } | undefined> {
    if (principal.kind !== 'agency') return undefined;
    const agency = await iam.agency(principal.id);
    return agency?.trust === PLATFORM ? { content: agency.name } : undefined;
  }
}

/** The `user_id` of an entry for a federated user who was named before the first login. */
function byName(name: string): string {
  return `federate:${name}`;
}

function unknownUser(field: string, given: string, allowed: string): Failure {
  return new Failure({
    code: 'ModelArts.0422',
    status: 400,
    message: `Parameter [${field}]: there is no user ${given.slice(0, 64)} in this account.`,
    solution: `Name ${allowed}.`,
  });
}
