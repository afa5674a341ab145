import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Clock } from '../../kernel/clock.ts';
import { createLog } from '../../kernel/log.ts';
import type { Database } from '../../store-kit/index.ts';
import {
  createEnterpriseProjects,
  type EnterpriseProjects,
  enterpriseProjectsMigrations,
} from '../enterprise-projects/index.ts';
import { type Answer, type IamWorld, iamWorld } from '../iam/world.fixture.ts';
import { createWorkspaces, type Workspaces, type WorkspacesDeps, workspacesMigrations } from './index.ts';

export interface Member {
  id: string;
  call(method: string, path?: string, body?: unknown): Promise<Answer>;
}

export interface WorkspacesWorld {
  iam: IamWorld;
  workspaces: Workspaces;
  enterpriseProjects: EnterpriseProjects;
  clock: Clock;
  /** The root user. Paths that do not begin with /v are below the project's workspaces. */
  root: Member;
  /** A user who may do what these actions say, everywhere or in one enterprise project. */
  member(name: string, actions: readonly string[], enterpriseProject?: string): Promise<Member>;
  /** Allows or denies a member more; `effect` Allow when absent. */
  statement(member: Member, statement: object, enterpriseProject?: string): Promise<void>;
  /** A caller with this token. */
  as(id: string, token: string, projectId?: string): Member;
  /** A new workspace of the root user. */
  make(name: string, more?: object): Promise<string>;
  enterpriseProject(name: string): Promise<string>;
  /** The family again, on the same database, as after a restart of the server. */
  again(): Workspaces;
}

/** Workspaces and enterprise projects behind a real server. */
export async function workspacesWorld(
  t: TestContext,
  settings: WorkspacesDeps['settings'] = {},
): Promise<WorkspacesWorld> {
  let workspaces!: Workspaces;
  let enterpriseProjects!: EnterpriseProjects;
  let create!: () => Workspaces;
  let clock!: Clock;
  let db!: Database;
  const iam = await iamWorld(t, {
    more: [...enterpriseProjectsMigrations, ...workspacesMigrations],
    workspace: (projectId, id) => workspaces.find(projectId, id),
    locate: async (kind, id, scope) => (kind === 'workspace' ? workspaces.locate(id, scope) : undefined),
    routes: deps => {
      ({ db, clock } = deps);
      const log = createLog('silent');
      enterpriseProjects = createEnterpriseProjects({
        db,
        clock,
        region: 'local-1',
        projectName: deps.iam.projectName,
      });
      const made: Workspaces[] = [];
      t.after(() => Promise.all(made.map(each => each.stop())));
      create = () => {
        made.push(createWorkspaces({ db, clock, log, iam: deps.iam, enterpriseProjects, settings }));
        return made.at(-1)!;
      };
      workspaces = create();
      enterpriseProjects.setBound(workspaces.bound);
      return [...enterpriseProjects.routes, ...workspaces.routes];
    },
  });

  const as: WorkspacesWorld['as'] = (id, token, projectId = iam.root.projectId) => ({
    id,
    call: (method, path = '', body) =>
      iam.send(method, path.startsWith('/v') ? path : `/v1/${projectId}/workspaces${path}`, { token, body }),
  });
  const root = as(iam.root.userId, await iam.login());
  const ok = async (method: string, path: string, body?: unknown) => {
    const answer = await root.call(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path} answered ${answer.status} ${answer.text}`);
    return answer.body;
  };
  let policies = 0;
  const groups = new Map<string, string>();

  const world: WorkspacesWorld = {
    iam,
    get workspaces() {
      return workspaces;
    },
    enterpriseProjects,
    clock,
    root,
    as,
    async member(name, actions, enterpriseProject) {
      const { id, groupId } = await iam.user(name);
      groups.set(id, groupId);
      const member = as(id, await iam.login({ user: name }));
      if (actions.length > 0) await world.statement(member, { Action: actions }, enterpriseProject);
      return member;
    },
    async statement(member, statement, enterpriseProject) {
      const display_name = `policy-${++policies}`;
      const policy = { Version: '1.1', Statement: [{ Effect: 'Allow', ...statement }] };
      const { role } = await ok('POST', '/v3.0/OS-ROLE/roles', { role: { display_name, type: 'XA', policy } });
      const group = groups.get(member.id)!;
      if (enterpriseProject !== undefined) {
        // The API of these grants is another family's; what counts here is what they do.
        await db
          .insertInto('grants')
          .values({ subject_kind: 'group', subject_id: group, policy_id: role.id, scope: `ep:${enterpriseProject}` })
          .execute();
        await ok('PUT', `/v3/groups/${group}/users/${member.id}`); // so that the authorizer hears of a change
        return;
      }
      const domain = `/v3/OS-INHERIT/domains/${iam.root.accountId}`;
      await ok('PUT', `${domain}/groups/${group}/roles/${role.id}/inherited_to_projects`);
    },
    make: async (name, more = {}) => (await ok('POST', '', { name, ...more })).id,
    enterpriseProject: async name => (await ok('POST', '/v1.0/enterprise-projects', { name })).enterprise_project.id,
    again: () => {
      workspaces = create();
      return workspaces;
    },
  };
  return world;
}

/** Asserts a refusal in ModelArts' words. */
export function refused(answer: Answer, status: number, code: string, text: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body.error_code, code, answer.text);
  assert.match(answer.body.error_msg, text);
}
