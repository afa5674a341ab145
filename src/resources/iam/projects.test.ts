import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused, rootKey, sdk, setUp } from './sdk.fixture.ts';
import { defaultScope, REGION } from './world.fixture.ts';

test('the official client changes, suspends and takes up a project', async t => {
  const { world, admin } = await setUp(t);
  const { project } = await admin.keystoneCreateProject({
    body: { project: { name: `${REGION}_two`, parent_id: world.root.accountId, description: 'second' } },
  });
  assert.equal(project.description, 'second');
  // The client fills the project of a path in from the credentials alone.
  const inProject = sdk(world, rootKey(world.root), { projectId: project.id });
  const change = (name: string) => inProject.keystoneUpdateProject({ body: { project: { name, description: 'new' } } });
  assert.equal((await change(`${REGION}_2`)).project.name, `${REGION}_2`);
  await refused(change('elsewhere'), 400, /local-1_/);
  await refused(change(REGION), 400, /local-1_/);
  const ofRegion = sdk(world, rootKey(world.root), { projectId: world.root.projectId });
  await refused(
    ofRegion.keystoneUpdateProject({ body: { project: { name: `${REGION}_x` } } }),
    400,
    /cannot be renamed/,
  );
  assert.equal((await inProject.showProjectDetailsAndStatus({})).project.status, 'normal');

  const token = await world.login({ scope: { project: { id: project.id } } });
  const things = () => world.send('GET', `/v2/${project.id}/things`, { token });
  assert.equal((await things()).status, 200);
  const callers = async () => (await world.iam.callers(defaultScope(project.id))).length;
  assert.equal(await callers(), 1);
  await inProject.updateProjectStatus({ body: { project: { status: 'suspended' } } });
  const shown = (await inProject.showProjectDetailsAndStatus({})).project;
  assert.equal(shown.status, 'suspended');
  assert.equal(shown.enabled, false);
  const closed = await things();
  assert.equal(closed.status, 403);
  assert.match(closed.body.error_msg, /local-1_2 is suspended/);
  assert.equal(await callers(), 0);
  assert.equal(
    (await world.send('GET', `/v2/${world.root.projectId}/things`, { token: await world.login() })).status,
    200,
  );
  const { projects } = await admin.keystoneListProjects({ enabled: false });
  assert.equal(projects[0].id, project.id);
  await inProject.updateProjectStatus({ body: { project: { status: 'normal' } } });
  assert.equal((await things()).status, 200);

  const rival = await world.account('rival');
  const stranger = await world.login({ user: 'rival', account: 'rival' });
  for (const path of [`/v3/projects/${project.id}`, `/v3-ext/projects/${project.id}`]) {
    assert.equal((await world.send('GET', path, { token: stranger })).status, 404);
  }
  assert.notEqual(rival.projectId, project.id);
});

test('the official client sees regions, services, their addresses and the version', async t => {
  const { world, admin } = await setUp(t);
  assert.equal((await admin.keystoneShowRegion({ regionId: REGION })).region.id, REGION);
  await refused(admin.keystoneShowRegion({ regionId: 'mars-1' }), 404, /region/);
  const { services } = await admin.keystoneListServices({ type: 'modelarts' });
  assert.equal(services.length, 1);
  assert.equal((await admin.keystoneShowService({ serviceId: services[0].id })).service.name, 'modelarts');
  const { endpoints } = await admin.keystoneListEndpoints({ serviceId: services[0].id });
  assert.equal(endpoints[0].url, `${world.url}/v1/{project_id}`);
  assert.equal((await admin.keystoneShowEndpoint({ endpointId: endpoints[0].id })).endpoint.region, REGION);
  const token = await world.login();
  const none = await world.send('GET', '/v3/endpoints?interface=admin', { token });
  assert.deepEqual(none.body.endpoints, []);
  assert.equal((await admin.keystoneShowVersion({})).version.id, 'v3.6');
});

test('quotas say what there may be and what there is', async t => {
  const { world, admin } = await setUp(t);
  await world.user('ann', ['OBS ReadOnlyAccess', 'ModelArts FullAccess']);
  const { quotas } = await admin.showDomainQuota({ domainId: world.root.accountId });
  const of = (type: string) => quotas.resources.find((resource: { type: string }) => resource.type === type);
  assert.equal(of('agency').quota, 50);
  assert.equal(of('user').used, 2);
  assert.equal(of('group').used, 1);
  assert.equal(of('assigment_group_mp').used, 2);
  assert.equal(of('assigment_group_ep').used, 0);
  const one = (await admin.showDomainQuota({ domainId: world.root.accountId, type: 'policy' })).quotas.resources;
  assert.deepEqual(one, [{ type: 'policy', used: 0, quota: 200, min: 0, max: 200 }]);
  await refused(admin.showDomainQuota({ domainId: 'other' }), 404, /account/);
  const inProject = sdk(world, rootKey(world.root), { projectId: world.root.projectId });
  assert.equal((await inProject.showProjectQuota({})).quotas.resources[0].used, 1);
});
