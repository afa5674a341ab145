import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { refused, rootKey, sdk, setUp } from './sdk.fixture.ts';
import { iamWorld, REGION } from './world.fixture.ts';

test('a policy granted in one project opens that project alone', async t => {
  const { world, admin } = await setUp(t);
  const { id, groupId } = await world.user('ann');
  const { project } = await admin.keystoneCreateProject({
    body: { project: { name: `${REGION}_two`, parent_id: world.root.accountId } },
  });
  await refused(
    admin.keystoneCreateProject({ body: { project: { name: 'mars-1', parent_id: 'x' } } }),
    400,
    /local-1_/,
  );
  const roles = (await admin.keystoneListPermissions({ displayName: 'ModelArts FullAccess' })).roles;
  // The client fills the project of the path in from the credentials alone.
  const inProject = sdk(world, rootKey(world.root), { projectId: world.root.projectId });
  const place = { groupId, roleId: roles[0].id };
  await inProject.keystoneAssociateGroupWithProjectPermission(place);
  const listed = await inProject.keystoneListProjectPermissionsForGroup(place);
  assert.equal(listed.roles[0].display_name, 'ModelArts FullAccess');

  const { credential } = await admin.createPermanentAccessKey({ body: { credential: { user_id: id } } });
  const status = async (projectId: string, scope: string) => {
    const token = await world.login({ user: 'ann', scope: { project: { id: scope } } });
    return (await world.send('GET', `/v2/${projectId}/things`, { token })).status;
  };
  assert.equal(await status(world.root.projectId, world.root.projectId), 200);
  assert.equal(await status(project.id, project.id), 403);
  // Leaving the project out of the credential must not widen it.
  const open = sdk(world, credential);
  const thing = (projectId: string) =>
    open.hcClient.sendRequest({ ...requestOf('GET', `/v2/${projectId}/things`) }).catch((error: unknown) => error);
  assert.equal((await thing(project.id)).httpStatusCode, 403);
});

function requestOf(method: string, url: string): object {
  return {
    url,
    method,
    contentType: 'application/json',
    queryParams: {},
    pathParams: {},
    headers: {},
    data: {},
  };
}

const EP = 'e1a2b3c4-0000-4000-8000-000000000001';

/** A world with an enterprise project that has a workspace, beside the default one. */
async function enterpriseWorld(t: TestContext) {
  const world = await iamWorld(t, {
    workspace: async (_projectId, id) => ({
      id,
      enterpriseProjectId: id === 'lab' ? EP : '0',
      admits: () => ({ allowed: true, reason: 'It is public.' }),
    }),
  });
  world.iam.setEnterpriseProjects(
    async (accountId, id) => id === '0' || (id === EP && accountId === world.root.accountId),
  );
  const admin = sdk(world, rootKey(world.root));
  const role = (await admin.keystoneListPermissions({ displayName: 'ModelArts FullAccess' })).roles[0].id as string;
  const status = async (token: string, workspace: string) =>
    (await world.send('GET', `/v2/${world.root.projectId}/things?workspace_id=${workspace}`, { token })).status;
  return { world, admin, role, status };
}

test('a policy granted to a group in an enterprise project counts in its workspaces alone', async t => {
  const { world, admin, role, status } = await enterpriseWorld(t);
  const { groupId } = await world.user('ann');
  const token = await world.login({ user: 'ann' });
  assert.deepEqual([await status(token, 'lab'), await status(token, '0')], [403, 403]);

  const grant = { enterpriseProjectId: EP, groupId, roleId: role };
  await admin.associateRoleToGroupOnEnterpriseProject(grant);
  assert.deepEqual([await status(token, 'lab'), await status(token, '0')], [200, 403]);
  const { groups } = await admin.listGroupsForEnterpriseProject({ enterpriseProjectId: EP });
  assert.deepEqual(Object.keys(groups[0]).sort(), ['createTime', 'description', 'domainId', 'id', 'name']);
  assert.equal(groups[0].id, groupId);
  assert.equal((await admin.listRolesForGroupOnEnterpriseProject(grant)).roles[0].id, role);
  const listed = await admin.listEnterpriseProjectsForGroup({ groupId });
  assert.deepEqual(listed['enterprise-projects'], [{ projectId: EP }]);
  assert.deepEqual((await admin.listGroupsForEnterpriseProject({ enterpriseProjectId: '0' })).groups, []);

  await admin.revokeRoleFromGroupOnEnterpriseProject(grant);
  assert.equal(await status(token, 'lab'), 403);
  assert.deepEqual((await admin.listGroupsForEnterpriseProject({ enterpriseProjectId: EP })).groups, []);
});

test('a user may hold policies of its own in an enterprise project, until it is deleted', async t => {
  const { world, admin, role, status } = await enterpriseWorld(t);
  const { id } = await world.user('ann');
  const { id: other } = await world.user('bob');
  const [ann, bob] = [await world.login({ user: 'ann' }), await world.login({ user: 'bob' })];
  const grant = { enterpriseProjectId: EP, userId: id, roleId: role };
  await admin.associateRoleToUserOnEnterpriseProject(grant);
  assert.deepEqual([await status(ann, 'lab'), await status(ann, '0'), await status(bob, 'lab')], [200, 403, 403]);
  const { users } = await admin.listUsersForEnterpriseProject({ enterpriseProjectId: EP });
  assert.equal(users.length, 1);
  assert.equal(users[0].id, id);
  assert.equal(users[0].policy_num, 1);
  assert.ok(users[0].lastest_policy_time > Date.UTC(2020, 0, 1));
  assert.equal((await admin.listRolesForUserOnEnterpriseProject(grant)).roles[0].id, role);
  // One's own are for everybody to see, those of others are not.
  const own = `/v3.0/OS-PERMISSION/users/${id}/enterprise-projects`;
  assert.deepEqual((await world.send('GET', own, { token: ann })).body['enterprise-projects'], [{ projectId: EP }]);
  assert.equal((await world.send('GET', own, { token: bob })).status, 403);
  assert.deepEqual((await admin.listEnterpriseProjectsForUser({ userId: other }))['enterprise-projects'], []);

  await admin.keystoneDeleteUser({ userId: id });
  assert.deepEqual((await admin.listUsersForEnterpriseProject({ enterpriseProjectId: EP })).users, []);
  const left = await admin.showDomainRoleAssignments({ domainId: world.root.accountId, subject: 'user' });
  assert.deepEqual(left.role_assignments, []);
});

test('agencies get policies in enterprise projects in one call, all or none', async t => {
  const { world, admin, role, status } = await enterpriseWorld(t);
  const { agency } = await admin.createAgency({
    body: { agency: { name: 'helpers', domain_id: world.root.accountId, trust_domain_name: 'acme' } },
  });
  const assumed = await world.send('POST', '/v3/auth/tokens', {
    token: await world.login(),
    body: {
      auth: {
        identity: { methods: ['assume_role'], assume_role: { agency_name: 'helpers', domain_name: 'acme' } },
        scope: { project: { name: REGION } },
      },
    },
  });
  const token = assumed.headers.get('x-subject-token')!;
  const assignment = { agency_id: agency.id, enterprise_project_id: EP, role_id: role };
  const body = { role_assignments: [assignment] };
  const bad = { role_assignments: [assignment, { ...assignment, enterprise_project_id: 'nowhere' }] };
  await refused(admin.associateRoleToAgencyOnEnterpriseProject({ body: bad }), 404, /enterprise project: nowhere/);
  assert.equal(await status(token, 'lab'), 403);
  await admin.associateRoleToAgencyOnEnterpriseProject({ body });
  assert.deepEqual([await status(token, 'lab'), await status(token, '0')], [200, 403]);
  await admin.revokeRoleFromAgencyOnEnterpriseProject({ body });
  assert.equal(await status(token, 'lab'), 403);
});

test('what is granted in the account is listed by subject, scope and role', async t => {
  const { world, admin, role } = await enterpriseWorld(t);
  const { root } = world;
  const { id, groupId } = await world.user('ann', ['OBS ReadOnlyAccess']);
  const { groupId: others } = await world.user('bob');
  await admin.associateRoleToUserOnEnterpriseProject({ enterpriseProjectId: EP, userId: id, roleId: role });
  await admin.associateRoleToGroupOnEnterpriseProject({ enterpriseProjectId: EP, groupId: others, roleId: role });
  await sdk(world, rootKey(root), { projectId: root.projectId }).keystoneAssociateGroupWithProjectPermission({
    groupId,
    roleId: role,
  });
  // The client spells dots in names of parameters as it likes, so they are sent as documented.
  const token = await world.login();
  const list = async (query: string) => {
    const path = `/v3.0/OS-PERMISSION/role-assignments?domain_id=${root.accountId}${query}`;
    const { status, body } = await world.send('GET', path, { token });
    return status === 200 ? (body.role_assignments as Record<string, { id: string }>[]) : status;
  };
  const all = (await admin.showDomainRoleAssignments({ domainId: root.accountId })).role_assignments;
  assert.equal(all.length, 4);
  assert.deepEqual(await list('&subject=user'), [
    { user: { id }, role: { id: role }, scope: { enterprise_project: { id: EP } }, is_inherited: false },
  ]);
  const [inherited] = (await list('&is_inherited=true')) as { scope: unknown; group: unknown }[];
  assert.deepEqual(inherited!.scope, { domain: { id: root.accountId } });
  assert.deepEqual(inherited!.group, { id: groupId });
  const count = async (query: string) => ((await list(query)) as unknown[]).length;
  assert.equal(await count(`&subject.user_id=${id}`), 3);
  assert.equal(await count(`&subject.user_id=${id}&include_group=false`), 1);
  assert.equal(await count(`&subject.group_id=${others}`), 1);
  assert.equal(await count('&scope=enterprise_project'), 2);
  assert.equal(await count(`&scope.project_id=${root.projectId}`), 1);
  assert.equal(await count(`&scope.enterprise_projects_id=${EP}&subject=group`), 1);
  assert.equal(await count(`&role_id=${role}`), 3);
  assert.equal(await count('&per_page=3&page=2'), 1);
  assert.equal(await list(`&subject=user&subject.user_id=${id}`), 400);
  const rival = await world.account('rival');
  const stranger = sdk(world, rootKey(rival), { domainId: rival.accountId });
  await refused(stranger.showDomainRoleAssignments({ domainId: root.accountId }), 404, /account/);
  await refused(
    stranger.associateRoleToGroupOnEnterpriseProject({ enterpriseProjectId: '0', groupId, roleId: role }),
    404,
    /group/,
  );
});
