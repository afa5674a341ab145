import { type Route, route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import { commonUserPolicies } from '../../policy/index.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Iam } from '../iam/index.ts';
import { createAgency, createAuthorization, deleteAuthorization, listAuthorizations } from './authorization.api.ts';
import { authorizationStore } from './authorization.store.ts';

export { authorizationsOperations } from './authorization.api.ts';
export { authorizationsMigrations } from './authorization.store.ts';

export interface AuthorizationsDeps {
  db: Database;
  clock: Clock;
  iam: Pick<Iam, 'createAgency' | 'findAgency' | 'user' | 'userByName'>;
}

export interface Authorizations {
  routes: Route[];
  /**
   * The agency by which the platform acts for this caller: the caller's own entry, else the one for all users.
   * Throws Failure 403 ModelArts.2785 when there is none.
   */
  agencyFor(principal: Principal, projectId: string): Promise<string>;
}

const ALL = 'all-users';

/** Which agency the platform uses for whom (behaviour/permissions.md 7). */
export function createAuthorizations(deps: AuthorizationsDeps): Authorizations {
  const { clock, iam } = deps;
  const store = authorizationStore(deps.db);

  /** Binding an agency can give more than the binder has, so it is the tenant administrator's. */
  function administratorOnly(principal: Principal): void {
    if (principal.kind === 'root') return;
    throw new Failure({
      code: 'ModelArts.0108',
      status: 403,
      message: 'You are not authorized to manage authorizations: only a tenant administrator may.',
      solution: 'Ask the owner of the account.',
    });
  }

  async function subject(
    accountId: string,
    id: string | undefined,
    name: string | undefined,
  ): Promise<{ id: string; name: string }> {
    if (id === 'all' || id === ALL || (id === undefined && name === undefined)) return { id: ALL, name: ALL };
    const user = id ? await iam.user(id) : await iam.userByName(accountId, name!);
    if (user?.accountId === accountId) return { id: user.id, name: user.name };
    throw new Failure({
      code: 'ModelArts.0422',
      status: 400,
      message: `Parameter [${id ? 'user_id' : 'user_name'}]: there is no user ${(id ?? name ?? '').slice(0, 64)} in this account.`,
      solution: 'Name a user of GET /v3/users, or "all".',
    });
  }

  const routes: Route[] = [
    route(createAgency, async call => {
      administratorOnly(call.principal);
      const suffix = call.body?.agency_name_suffix ?? '';
      if (suffix && !/^[\w-]{1,50}$/.test(suffix)) {
        throw new Failure({
          code: 'ModelArts.0104',
          status: 400,
          message: 'Parameter [agency_name_suffix] must be 1 to 50 letters, digits, - or _.',
        });
      }
      const name = suffix ? `ma_agency_${suffix}` : 'modelarts_agency';
      if (await iam.findAgency(call.principal.accountId, name)) {
        throw new Failure({
          code: 'ModelArts.0421',
          status: 400,
          message: `The agency ${name} exists already.`,
          solution: 'Use it as it is, or choose another agency_name_suffix.',
        });
      }
      await iam.createAgency({
        accountId: call.principal.accountId,
        name,
        description: 'Lets ModelArts reach the services it depends on.',
        trust: 'service:modelarts',
        policies: [...commonUserPolicies],
      });
      return { agency_name: name };
    }),
    route(createAuthorization, async call => {
      administratorOnly(call.principal);
      const { content, type = 'agency', user_id, user_name, user_type } = call.body;
      if (type !== 'agency') {
        throw new Failure({
          code: 'ModelArts.0425',
          status: 400,
          message: 'Parameter [type] should be agency: access keys are not kept for authorization.',
          solution: 'Create an agency with POST /v2/{project_id}/agency and name it in content.',
        });
      }
      if (!(await iam.findAgency(call.principal.accountId, content))) {
        throw new Failure({
          code: 'ModelArts.0420',
          status: 400,
          message: `Parameter [content]: there is no agency ${content.slice(0, 64)} in this account.`,
          solution: 'Create it with POST /v2/{project_id}/agency.',
        });
      }
      const who = await subject(call.principal.accountId, user_type === ALL ? 'all' : user_id, user_name);
      const inserted = await store.insert({
        project_id: call.projectId,
        user_id: who.id,
        user_name: who.name,
        type: 'agency',
        content,
        created_at: clock.now(),
      });
      if (!inserted) {
        throw new Failure({
          code: 'ModelArts.0424',
          status: 400,
          message: `${who.name === ALL ? 'All users have' : `User ${who.name} has`} an authorization already.`,
          solution: 'Delete it first: DELETE /v2/{project_id}/authorizations?user_id=…',
        });
      }
      return { result: true };
    }),
    route(listAuthorizations, async call => {
      const rows = await store.list(call.projectId);
      const key = call.query.sort_by === 'create_time' ? 'created_at' : 'user_name';
      rows.sort((a, b) => (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0));
      if (call.query.order === 'desc') rows.reverse();
      const offset = call.query.offset ?? 0;
      return {
        total_count: rows.length,
        auth: rows.slice(offset, offset + (call.query.limit ?? 1000)).map(row => ({
          user_id: row.user_id,
          user_name: row.user_name,
          type: row.type,
          content: row.content,
          create_time: row.created_at,
        })),
      };
    }),
    route(deleteAuthorization, async call => {
      administratorOnly(call.principal);
      const given = call.query.user_id;
      const id = given === undefined || given === 'all' ? ALL : given;
      if (!(await store.remove(call.projectId, id))) {
        throw new Failure({
          code: 'ModelArts.0429',
          status: 400,
          message: `Parameter [user_id]: ${id.slice(0, 64)} has no authorization.`,
        });
      }
      return id === ALL
        ? { result: true, success_message: 'Delete all-users auth info successfully!' }
        : { result: true };
    }),
  ];

  return {
    routes,
    async agencyFor(principal, projectId) {
      const user = principal.onBehalfOf?.id ?? principal.id;
      // Code that runs with an agency's credentials goes on with that agency.
      if (principal.kind === 'agency') return principal.name;
      const row = (await store.find(projectId, user)) ?? (await store.find(projectId, ALL));
      if (row) return row.content;
      throw new Failure({
        code: 'ModelArts.2785',
        status: 403,
        message: 'The platform is not authorized to act for this user: no agency is bound.',
        solution:
          'An administrator binds one on Settings > Global Configuration, or with POST /v2/{project_id}/authorizations (user_id "all" is for everybody).',
      });
    },
  };
}
