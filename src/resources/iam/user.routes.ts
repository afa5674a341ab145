import { Reply, type Route, route } from '../../http/index.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { BodyOf } from '../../wire/operation.ts';
import type { AccountService } from './account.service.ts';
import { invalid, missing } from './iam.failures.ts';
import type { IamViews } from './iam.view.ts';
import type { AccessMode, Contact } from './identity.ts';
import * as api from './user.api.ts';
import type { UserInput, UserService } from './user.service.ts';

export interface UserRouteDeps {
  users: UserService;
  accounts: AccountService;
  views: IamViews;
}

/** Users, groups and permanent keys. */
export function userRoutes(deps: UserRouteDeps): Route[] {
  return [...ofUsers(deps), ...ofGroups(deps), ...ofKeys(deps)];
}

/** Whatever is created names the account it belongs to, if any, and that must be the caller's. */
function checkAccount(principal: Principal, domainId: string | undefined): void {
  if (domainId !== undefined && domainId !== principal.accountId) throw missing('account', domainId);
}

function ofUsers({ users, accounts, views }: UserRouteDeps): Route[] {
  type UserBody = BodyOf<typeof api.updateUser>['user'];
  const create = async (principal: Principal, user: UserBody & { name: string }) => {
    checkAccount(principal, user.domain_id);
    return { user: views.user(await users.createUser(principal.accountId, { ...inputOf(user), name: user.name })) };
  };
  const update = async (principal: Principal, id: string, user: UserBody) => {
    checkAccount(principal, user.domain_id);
    return { user: views.user(await users.updateUser(principal, id, inputOf(user))) };
  };
  const look = (call: { principal: Principal; params: { user_id: string } }) =>
    users.userOf(call.principal.accountId, call.params.user_id);
  return [
    route(api.listUsers, async call => {
      const { name, enabled, domain_id, password_expires_at: expiry } = call.query;
      checkAccount(call.principal, domain_id);
      if (expiry !== undefined && !/^(lt|lte|gt|gte|eq|neq):\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(expiry)) {
        throw invalid('Parameter [password_expires_at] should be an operator and a time: lt:2026-01-01T00:00:00Z.');
      }
      // No password expires, so none does before or after any time.
      const found = (expiry === undefined ? await users.users(call.principal.accountId) : [])
        .filter(user => name === undefined || user.name === name)
        .filter(user => enabled === undefined || user.enabled === enabled);
      return { users: found.map(views.user), links: views.links('/v3/users') };
    }),
    route(api.createUser, call => create(call.principal, call.body.user)),
    route(api.createUserByAdmin, call => create(call.principal, call.body.user)),
    route(api.showUser, async call => ({ user: views.user(await look(call)) })),
    route(api.showUserDetails, async call => ({ user: views.user(await look(call)) })),
    route(api.updateUser, call => update(call.principal, call.params.user_id, call.body.user)),
    route(api.updateUserDetails, call => update(call.principal, call.params.user_id, call.body.user)),
    route(api.updateUserInformation, async ({ principal, params, body }) => {
      const { email, mobile } = body.user;
      // "0086-13800000000": the country's code stands before the number.
      const [areacode, phone] =
        mobile === '' ? ['', ''] : mobile?.includes('-') ? mobile.split('-', 2) : [undefined, mobile];
      const contact = {
        ...(email === undefined ? {} : { email }),
        ...(areacode === undefined ? {} : { areacode }),
        ...(phone === undefined ? {} : { phone }),
      };
      await users.updateUser(principal, params.user_id, { contact });
    }),
    route(api.deleteUser, call => users.deleteUser(call.principal.accountId, call.params.user_id)),
    route(api.changePassword, async call => {
      const { password, original_password } = call.body.user;
      await users.changePassword(call.principal, call.params.user_id, original_password, password);
    }),
    route(api.listGroupsOfUser, async call => {
      const user = await look(call);
      const ids = new Set(await users.groupsOf(user.id));
      const groups = (await users.groups(call.principal.accountId)).filter(group => ids.has(group.id));
      return { groups: groups.map(views.group), links: views.links(`/v3/users/${user.id}/groups`) };
    }),
    route(api.listProjectsOfUser, async call => {
      const user = await look(call);
      const projects = await accounts.projects(user.accountId);
      return { projects: projects.map(views.project), links: views.links(`/v3/users/${user.id}/projects`) };
    }),
  ];
}

function inputOf(user: BodyOf<typeof api.updateUser>['user']): UserInput {
  const { email, areacode, phone, xuser_type, xuser_id, access_mode, pwd_status, ...rest } = user;
  const given = Object.entries({ email, areacode, phone, xuser_type, xuser_id }).filter(
    ([, value]) => value !== undefined,
  );
  return {
    name: rest.name,
    password: rest.password,
    enabled: rest.enabled,
    description: rest.description,
    accessMode: access_mode as AccessMode | undefined,
    mustChangePassword: pwd_status,
    ...(given.length > 0 ? { contact: Object.fromEntries(given) as Contact } : {}),
  };
}

function ofGroups({ users, views }: UserRouteDeps): Route[] {
  return [
    route(api.listGroups, async call => {
      checkAccount(call.principal, call.query.domain_id);
      const groups = await users.groups(call.principal.accountId);
      const found = groups.filter(group => call.query.name === undefined || group.name === call.query.name);
      return { groups: found.map(views.group), links: views.links('/v3/groups') };
    }),
    route(api.createGroup, async call => {
      const { name, description, domain_id } = call.body.group;
      checkAccount(call.principal, domain_id);
      return { group: views.group(await users.createGroup(call.principal.accountId, name, description ?? '')) };
    }),
    route(api.showGroup, async call => ({
      group: views.group(await users.groupOf(call.principal.accountId, call.params.group_id)),
    })),
    route(api.updateGroup, async call => {
      checkAccount(call.principal, call.body.group.domain_id);
      const group = await users.updateGroup(call.principal.accountId, call.params.group_id, call.body.group);
      return { group: views.group(group) };
    }),
    route(api.deleteGroup, call => users.deleteGroup(call.principal.accountId, call.params.group_id)),
    route(api.listUsersOfGroup, async call => {
      const group = await users.groupOf(call.principal.accountId, call.params.group_id);
      const members = await users.membersOf(group.id);
      return { users: members.map(views.user), links: views.links(`/v3/groups/${group.id}/users`) };
    }),
    route(api.addUserToGroup, ({ principal, params }) =>
      users.setMember(principal.accountId, params.group_id, params.user_id, true),
    ),
    route(api.removeUserFromGroup, ({ principal, params }) =>
      users.setMember(principal.accountId, params.group_id, params.user_id, false),
    ),
    route(api.checkUserInGroup, async ({ principal, params }) => {
      const group = await users.groupOf(principal.accountId, params.group_id);
      const members = await users.membersOf(group.id);
      if (!members.some(user => user.id === params.user_id)) throw missing('member', params.user_id);
      return new Reply(undefined);
    }),
  ];
}

function ofKeys({ users, views }: UserRouteDeps): Route[] {
  /** Permanent keys outlive the session that makes them, so a temporary one must not make or wake them. */
  function lastingOnly(principal: Principal): void {
    if (principal.credential !== 'temporary-key') return;
    throw new Failure({
      code: 'IAM.0003',
      status: 403,
      message: 'A temporary access key cannot be used to manage permanent ones.',
      solution: 'Use a token or a permanent access key.',
    });
  }
  return [
    route(api.createKey, async call => {
      const { user_id, description } = call.body.credential;
      lastingOnly(call.principal);
      const { secret, ...key } = await users.createKey(call.principal, user_id, description ?? '');
      return { credential: { ...views.key(key), secret } };
    }),
    route(api.listKeys, async call => {
      const owner = call.query.user_id ?? call.principal.id;
      await users.userOf(call.principal.accountId, owner);
      return { credentials: (await users.keysOf(owner)).map(views.key) };
    }),
    route(api.showKey, async call => {
      const { key } = await users.keyOf(call.principal.accountId, call.params.access_key);
      return { credential: views.key(key) };
    }),
    route(api.updateKey, async call => {
      lastingOnly(call.principal);
      const { key } = await users.keyOf(call.principal.accountId, call.params.access_key);
      return { credential: views.key(await users.updateKey(call.principal, key.access, call.body.credential)) };
    }),
    route(api.deleteKey, async call => {
      lastingOnly(call.principal);
      const { key } = await users.keyOf(call.principal.accountId, call.params.access_key);
      await users.deleteKey(call.principal, key.access);
    }),
  ];
}
