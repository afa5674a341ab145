import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BasicCredentials, GlobalCredentials } from '@huaweicloud/huaweicloud-sdk-core';
import { Region } from '@huaweicloud/huaweicloud-sdk-core/region/region.js';
import { IamClient } from '@huaweicloud/huaweicloud-sdk-iam/v3/public-api.js';
import { createInstallation, type Installation } from '../e2e/installation.ts';

// biome-ignore lint/suspicious/noExplicitAny: its operations take plain objects with the wire's names, as scripts do
type Client = any;

interface Key {
  access: string;
  secret: string;
  securitytoken?: string;
}

const PASSWORD = 'Correct-Horse-7';

/** What a script does that manages an account, with the official client as it is published, against a whole installation. */
describe('the official IAM client', () => {
  let at: Installation;
  let admin: Client;

  before(async () => {
    at = await createInstallation();
    admin = client(rootKey());
  });
  after(() => at?.remove());

  const rootKey = (): Key => ({ access: at.profile.key!.access, secret: at.profile.key!.secret });

  function signing<C extends BasicCredentials | GlobalCredentials>(credentials: C, key: Key): C {
    credentials.withAk(key.access).withSk(key.secret);
    if (key.securitytoken) credentials.withSecurityToken(key.securitytoken);
    return credentials;
  }

  function client(key: Key, credentials: BasicCredentials | GlobalCredentials = account()): Client {
    return quiet(
      IamClient.newBuilder().withCredential(signing(credentials, key)).withEndpoint(at.profile.endpoints.api).build(),
    );
  }

  const account = () => new GlobalCredentials().withDomainId(at.accountId);
  const project = () => new BasicCredentials().withProjectId(at.profile.projectId);

  /** The client prints every refusal on stderr, whole. */
  function quiet(built: Client): Client {
    built.hcClient.httpClient._logger.setLevel('silent');
    return built;
  }

  async function refused(call: Promise<unknown>, status: number, code: RegExp, text: RegExp): Promise<void> {
    await assert.rejects(call, (error: Record<string, string | number>) => {
      assert.equal(error.httpStatusCode, status, JSON.stringify(error));
      assert.match(String(error.errorCode), code);
      assert.match(String(error.errorMsg), text);
      assert.match(String(error.requestId), /^[0-9a-f]{32}$/);
      return true;
    });
  }

  it('finds account and project, with credentials of either kind', async () => {
    for (const credentials of [account(), project()]) {
      const each = client(rootKey(), credentials);
      const { projects } = await each.keystoneListProjects({ name: at.profile.region });
      assert.deepEqual(
        projects.map((item: { id: string }) => item.id),
        [at.profile.projectId],
      );
      assert.equal((await each.keystoneListAuthDomains({})).domains[0].id, at.accountId);
    }
  });

  it('discovers them by itself when it is given a region alone', async () => {
    const region = new Region(at.profile.region, [at.profile.endpoints.api]);
    for (const empty of [new BasicCredentials(), new GlobalCredentials()]) {
      const credentials = signing(empty, rootKey());
      credentials.withIamEndpoint(at.profile.endpoints.api);
      const each = quiet(IamClient.newBuilder().withCredential(credentials).withRegion(region).build());
      assert.equal((await each.keystoneListAuthProjects({})).projects[0].id, at.profile.projectId);
    }
  });

  it('says what is wrong in a form that it can show', async () => {
    await refused(client({ ...rootKey(), secret: 'x' }).keystoneListUsers({}), 401, /APIGW\.0301|401/, /signature/);
    await refused(client({ access: 'NOBODY', secret: 'x' }).keystoneListUsers({}), 401, /./, /access key/);
    await refused(admin.keystoneShowUser({ user_id: '0'.repeat(32) }), 404, /IAM\.0004|404/, /user/);
    await refused(admin.keystoneCreateUser({ body: { user: { name: 'x', password: 'short' } } }), 400, /./, /8 to 32/);
    const policy = { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['everything'] }] };
    await refused(
      admin.createCloudServiceCustomPolicy({
        body: { role: { display_name: 'x', type: 'AX', description: '', policy } },
      }),
      400,
      /IAM\.0011/,
      /\$\.Statement\[0\]\.Action\[0\]/,
    );
    const elsewhere = client(rootKey(), new GlobalCredentials().withDomainId('0'.repeat(32)));
    await refused(elsewhere.keystoneListUsers({}), 403, /./, /X-Domain-Id/);
  });

  it('makes a user who can do what its group may, until that is taken back', async () => {
    const { user } = await admin.keystoneCreateUser({ body: { user: { name: 'ann', password: PASSWORD } } });
    const { group } = await admin.keystoneCreateGroup({ body: { group: { name: 'staff' } } });
    const member = { group_id: group.id, user_id: user.id };
    await admin.keystoneAddUserToGroup(member);
    assert.equal((await admin.keystoneListUsersForGroupByAdmin({ group_id: group.id })).users[0].name, 'ann');
    assert.equal((await admin.keystoneListGroupsForUser({ user_id: user.id })).groups[0].name, 'staff');

    const policy = { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['iam:users:listUsers'] }] };
    const { role } = await admin.createCloudServiceCustomPolicy({
      body: { role: { display_name: 'look at users', type: 'AX', description: '', policy } },
    });
    const { credential } = await admin.createPermanentAccessKey({ body: { credential: { user_id: user.id } } });
    assert.equal(credential.secret.length, 40);
    const ann = client(credential);
    await refused(ann.keystoneListUsers({}), 403, /IAM\.0003|403/, /iam:users:listUsers/);
    const grant = { domain_id: at.accountId, group_id: group.id, role_id: role.id };
    await admin.updateDomainGroupInheritRole(grant);
    assert.ok((await ann.keystoneListUsers({})).users.some((item: { name: string }) => item.name === 'ann'));
    await refused(ann.keystoneCreateGroup({ body: { group: { name: 'mine' } } }), 403, /./, /iam:groups:createGroup/);
    await admin.deleteDomainGroupInheritedRole(grant);
    await refused(ann.keystoneListUsers({}), 403, /./, /iam:users:listUsers/);

    const shown = await admin.showPermanentAccessKey({ access_key: credential.access });
    assert.equal(shown.credential.status, 'active');
    assert.equal(shown.credential.secret, undefined);
    const inactive = { access_key: credential.access, body: { credential: { status: 'inactive' } } };
    await admin.updatePermanentAccessKey(inactive);
    await refused(ann.keystoneListAuthProjects({}), 401, /./, /access key/);
    await admin.deletePermanentAccessKey({ access_key: credential.access });

    const disabled = { user_id: user.id, body: { user: { enabled: false } } };
    assert.equal((await admin.keystoneUpdateUserByAdmin(disabled)).user.enabled, false);
    await admin.keystoneRemoveUserFromGroup(member);
    await admin.keystoneDeleteUser({ user_id: user.id });
    await admin.keystoneDeleteGroup({ group_id: group.id });
    await admin.deleteCustomPolicy({ role_id: role.id });
    await refused(admin.keystoneShowUser({ user_id: user.id }), 404, /./, /user/);
  });

  it('makes an agency, grants it policies, and gets temporary keys of it and of a token', async () => {
    const { agency } = await admin.createAgency({
      body: { agency: { name: 'helpers', domain_id: at.accountId, trust_domain_id: at.accountId } },
    });
    const role = (await admin.keystoneListPermissions({ display_name: 'ModelArts FullAccess' })).roles[0];
    const grant = { project_id: at.profile.projectId, agency_id: agency.id, role_id: role.id };
    // The client takes the project of a path from its credentials alone.
    const scoped = client(rootKey(), project());
    await scoped.associateAgencyWithProjectPermission(grant);
    assert.equal((await scoped.checkProjectPermissionForAgency(grant)).httpStatusCode, 204);
    assert.equal((await scoped.listProjectPermissionsForAgency(grant)).roles[0].id, role.id);
    await scoped.removeProjectPermissionFromAgency(grant);
    await refused(scoped.checkProjectPermissionForAgency(grant), 404, /./, /./);

    const assume_role = { domain_id: at.accountId, agency_name: 'helpers', duration_seconds: 900 };
    const assumed = await admin.createTemporaryAccessKeyByAgency({
      body: { auth: { identity: { methods: ['assume_role'], assume_role } } },
    });
    const left = Date.parse(assumed.credential.expires_at) - Date.now();
    assert.ok(left > 800_000 && left <= 901_000, assumed.credential.expires_at);
    const delegate = client(assumed.credential);
    assert.equal((await delegate.keystoneListAuthDomains({})).domains[0].id, at.accountId);
    await refused(delegate.keystoneListUsers({}), 403, /./, /iam:users:listUsers/);
    const stolen = client({ access: assumed.credential.access, secret: assumed.credential.secret });
    await refused(stolen.keystoneListAuthDomains({}), 401, /./, /X-Security-Token/);

    const login = await admin.keystoneCreateUserTokenByPassword({
      body: {
        auth: {
          identity: {
            methods: ['password'],
            password: {
              user: {
                name: at.profile.user,
                password: at.profile.password,
                domain: { name: at.profile.account },
              },
            },
          },
          scope: { project: { name: at.profile.region } },
        },
      },
    });
    const token = login['X-Subject-Token'] ?? login.X_Subject_Token;
    assert.equal(login.token.project.id, at.profile.projectId);
    assert.ok(token);
    const temporary = await admin.createTemporaryAccessKeyByToken({
      body: { auth: { identity: { methods: ['token'], token: { id: token, duration_seconds: 900 } } } },
    });
    const brief = client(temporary.credential, project());
    assert.ok((await brief.keystoneListUsers({})).users.length > 0);
    await admin.deleteAgency({ agency_id: agency.id });
    await refused(delegate.keystoneListAuthDomains({}), 401, /./, /./);
  });
});
