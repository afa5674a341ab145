import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Answer, type CallOptions, PASSWORD, REGION, type Tenant, type World } from '../world.ts';

const SEEDS = process.env.ATELIER_SEED_CASES ?? join(import.meta.dirname, '../../../shared/seed-cases');

/** The document's policies, for machines without its files: the same text, so that the scenarios run everywhere. */
const POLICIES: Record<string, object> = {
  Policy1_IAM_OBS: {
    Version: '1.1',
    Statement: [
      {
        Effect: 'Allow',
        Action: [
          'iam:users:listUsers',
          'iam:projects:listProjects',
          'obs:object:PutObject',
          'obs:object:GetObject',
          'obs:object:GetObjectVersion',
          'obs:bucket:HeadBucket',
          'obs:object:DeleteObject',
          'obs:bucket:CreateBucket',
          'obs:bucket:ListBucket',
        ],
      },
    ],
  },
  Policy2_AllowOperation: {
    Version: '1.1',
    Statement: [
      {
        Effect: 'Allow',
        Action: [
          'ecs:serverKeypairs:list',
          'ecs:serverKeypairs:get',
          'ecs:serverKeypairs:delete',
          'ecs:serverKeypairs:create',
          'swr:repository:getNamespace',
          'swr:repository:listNamespaces',
          'swr:repository:deleteTag',
          'swr:repository:getRepository',
          'swr:repository:listTags',
          'swr:instance:createTempCredential',
          'mrs:cluster:get',
          'modelarts:*:*',
        ],
      },
    ],
  },
  Policy3_DenyOperation: {
    Version: '1.1',
    Statement: [
      {
        Effect: 'deny',
        Action: [
          'modelarts:pool:create',
          'modelarts:pool:update',
          'modelarts:pool:delete',
          'modelarts:notebook:listAllNotebooks',
        ],
      },
    ],
  },
  DenyPublicPool: {
    Version: '1.1',
    Statement: [
      {
        Effect: 'Deny',
        Action: ['modelarts:trainJob:create', 'modelarts:notebook:create', 'modelarts:service:create'],
        Condition: { StringEquals: { 'modelarts:poolType': ['public'] } },
      },
    ],
  },
};

/** A policy of the document, out of its own file where that is at hand. */
export function documentPolicy(name: string): object {
  const file = join(SEEDS, 'policies', `${name}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : POLICIES[name]!;
}

/** One who is logged in. */
export interface Member {
  id: string;
  name: string;
  token: string;
  call(method: string, path: string, body?: object, options?: CallOptions): Promise<Answer>;
}

export type Scope = { all: true } | { project: string } | { enterpriseProject: string };

/** An account being set up as its administrator would, by the API alone. */
export interface Team {
  tenant: Tenant;
  root: Member;
  v1: string;
  v2: string;
  /** A new IAM user. */
  member(name: string): Promise<Member>;
  /** A new group with these members; resolves with its id. */
  group(name: string, members: readonly Member[]): Promise<string>;
  /** A new custom policy; resolves with its id. */
  policy(name: string, document: object): Promise<string>;
  /** Grants policies, by id or by a system-defined one's name, to a group. */
  grant(groupId: string, policies: readonly string[], scope?: Scope): Promise<void>;
  /** A new agency that the platform may assume, with these policies; resolves with its id. */
  agency(name: string, policies: readonly string[]): Promise<string>;
  grantAgency(agencyId: string, policies: readonly string[]): Promise<void>;
  /** A new workspace; resolves with its id. */
  workspace(name: string, more?: object): Promise<string>;
  /** A new workspace that these users alone may enter beside the account; resolves with its id. */
  workspaceOf(name: string, members: readonly Member[]): Promise<string>;
  /** A new enterprise project; resolves with its id. */
  enterpriseProject(name: string): Promise<string>;
  /** Lets the platform act for a user (or `all`) by an agency. */
  authorize(user: Member | 'all', agency: string): Promise<void>;
}

/** A team in an account of the world, or of an installation. */
export async function createTeam(
  world: Pick<World, 'send' | 'login' | 'root'>,
  tenant: Tenant = world.root,
): Promise<Team> {
  const v1 = `/v1/${tenant.projectId}`;
  const v2 = `/v2/${tenant.projectId}`;
  const as = (id: string, name: string, token: string): Member => ({
    id,
    name,
    token,
    call: (method, path, body, options) => world.send(method, path, { token, body, ...options }),
  });
  const root = as(tenant.userId, tenant.account, await world.login(tenant));

  async function ok(method: string, path: string, body?: object): Promise<Answer['body']> {
    const answer = await root.call(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path} answered ${answer.status} ${answer.text}`);
    return answer.body;
  }

  async function roleId(policy: string): Promise<string> {
    if (/^[0-9a-f]{32}$/.test(policy)) return policy;
    const { roles } = await ok('GET', `/v3/roles?display_name=${encodeURIComponent(policy)}`);
    const found = roles.find((role: { display_name: string }) => role.display_name === policy);
    assert.ok(found, `there is a policy ${policy}`);
    return found.id;
  }

  const team: Team = {
    tenant,
    root,
    v1,
    v2,
    async member(name) {
      const { user } = await ok('POST', '/v3/users', { user: { name, password: PASSWORD } });
      return as(user.id, name, await world.login({ account: tenant.account, name }));
    },
    async group(name, members) {
      const { group } = await ok('POST', '/v3/groups', { group: { name } });
      for (const { id } of members) await ok('PUT', `/v3/groups/${group.id}/users/${id}`);
      return group.id;
    },
    async policy(name, document) {
      const role = { display_name: name, type: 'XA', description: '', policy: document };
      return (await ok('POST', '/v3.0/OS-ROLE/roles', { role })).role.id;
    },
    async grant(groupId, policies, scope = { all: true }) {
      for (const policy of policies) {
        const role = await roleId(policy);
        if ('project' in scope) await ok('PUT', `/v3/projects/${scope.project}/groups/${groupId}/roles/${role}`);
        else if ('enterpriseProject' in scope) {
          const project = scope.enterpriseProject;
          await ok('PUT', `/v3.0/OS-PERMISSION/enterprise-projects/${project}/groups/${groupId}/roles/${role}`);
        } else {
          const domain = `/v3/OS-INHERIT/domains/${tenant.accountId}`;
          await ok('PUT', `${domain}/groups/${groupId}/roles/${role}/inherited_to_projects`);
        }
      }
    },
    async agency(name, policies) {
      const agency = { name, domain_id: tenant.accountId, trust_domain_name: 'op_svc_modelarts', duration: 'FOREVER' };
      const { id } = (await ok('POST', '/v3.0/OS-AGENCY/agencies', { agency })).agency;
      await team.grantAgency(id, policies);
      return id;
    },
    async grantAgency(agencyId, policies) {
      const domain = `/v3.0/OS-INHERIT/domains/${tenant.accountId}`;
      for (const policy of policies) {
        await ok('PUT', `${domain}/agencies/${agencyId}/roles/${await roleId(policy)}/inherited_to_projects`);
      }
    },
    workspace: async (name, more = {}) => (await ok('POST', `${v1}/workspaces`, { name, ...more })).id,
    workspaceOf: (name, members) =>
      team.workspace(name, { auth_type: 'INTERNAL', grants: members.map(({ id }) => ({ user_id: id })) }),
    enterpriseProject: async name => (await ok('POST', '/v1.0/enterprise-projects', { name })).enterprise_project.id,
    async authorize(user, agency) {
      const who = user === 'all' ? { user_id: 'all' } : { user_id: user.id, user_type: 'iam' };
      await ok('POST', `${v2}/authorizations`, { ...who, type: 'agency', content: agency });
    },
  };
  return team;
}

/** A training job's body; its code must lie at `/<bucket>/code/`. `more` goes over it. */
export function jobBody(name: string, bucket: string, more: { pool?: string; workspace?: string } = {}): object {
  return {
    kind: 'job',
    metadata: { name, ...(more.workspace ? { workspace_id: more.workspace } : {}) },
    algorithm: {
      code_dir: `/${bucket}/code/`,
      boot_file: `/${bucket}/code/train.py`,
      engine: { engine_id: 'pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64' },
      outputs: [
        { name: 'train_url', remote: { obs: { obs_url: `/${bucket}/${more.workspace ?? 'out'}-of-${name}/` } } },
      ],
    },
    spec: {
      resource: { flavor_id: 'modelarts.vm.cpu.1u', node_count: 1, ...(more.pool ? { pool_id: more.pool } : {}) },
    },
  };
}

/** Puts the code of `jobBody` into a new bucket of the team's account. */
export async function uploadCode(world: World, { tenant }: Team, bucket: string): Promise<void> {
  const principal = {
    kind: 'root',
    id: tenant.userId,
    name: tenant.account,
    accountId: tenant.accountId,
    accountName: tenant.account,
    credential: 'internal',
  } as const;
  const objects = world.families.objects.service;
  await objects.createBucket(principal, bucket);
  await objects.put(principal, { bucket, key: 'code/train.py' }, Buffer.from('print(1)'));
}

/** The token of a role switched: the member of another account works as the agency of this one. */
export async function switchRole(world: World, member: Member, agency: string, to: Tenant): Promise<Answer> {
  return world.send('POST', '/v3/auth/tokens', {
    token: member.token,
    body: {
      auth: {
        identity: { methods: ['assume_role'], assume_role: { agency_name: agency, domain_name: to.account } },
        scope: { project: { name: REGION } },
      },
    },
  });
}
