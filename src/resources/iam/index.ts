import type { Authenticate, Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import { type Authorizer, findSystemPolicy } from '../../policy/index.ts';
import type { Database } from '../../store-kit/index.ts';
import { iamAuthorizer } from './iam.authorizer.ts';
import { iamRoutes } from './iam.routes.ts';
import { iamService } from './iam.service.ts';
import { iamSessions, type ResolvedKey, type TemporaryCredential } from './iam.sessions.ts';
import { iamStore } from './iam.store.ts';
import { type Endpoints, iamViews } from './iam.view.ts';
import { tokenRoutes } from './token.routes.ts';

export { iamOperations } from './iam.api.ts';
export type { ResolvedKey, TemporaryCredential } from './iam.sessions.ts';
export { iamMigrations } from './iam.store.ts';

export interface IamDeps {
  db: Database;
  clock: Clock;
  log: Log;
  region: string;
  /** Signs tokens (HS256); the inference gateway has the same. */
  tokenKey: Buffer;
  /** 32 bytes; encrypts the secrets of access keys. */
  dataKey: Buffer;
  endpoints: Endpoints;
}

/** Who may invoke inference in a project, for the gateway. */
export interface Caller {
  id: string;
  projectId: string;
  generation: number;
}

export interface Iam {
  routes: Route[];
  authenticate: Authenticate;
  authorizer: Authorizer;
  /** Whether the project belongs to the principal's account. */
  ownsProject(principal: Principal, projectId: string): Promise<boolean>;
  /** Undefined when the key is unknown, disabled or expired. */
  resolveAccessKey(access: string): Promise<ResolvedKey | undefined>;
  /** `policies`: names of system-defined policies. Throws Failure on a taken name, an unknown policy, too many agencies. */
  createAgency(input: {
    accountId: string;
    name: string;
    description?: string;
    trust: 'service:modelarts';
    policies: string[];
  }): Promise<{ id: string; name: string }>;
  findAgency(accountId: string, name: string): Promise<{ id: string; name: string; policies: string[] } | undefined>;
  /** Temporary credentials of an agency that trusts the platform. Throws Failure when it is gone or trusts somebody else. */
  assumeAgency(input: {
    accountId: string;
    agencyName: string;
    projectId: string;
    durationSeconds: number;
    onBehalfOf?: { id: string; name: string };
  }): Promise<TemporaryCredential>;
  callers(): Promise<Caller[]>;
  /** Called whenever who may do what has changed. */
  onCallersChanged(listener: () => void): void;
  /** Verifies a signed inference call. Throws Failure 401 or 403. */
  verifyInference(input: {
    method: string;
    path: string;
    query: string;
    headers: Record<string, string>;
    bodySha256?: string;
    projectId?: string;
  }): Promise<{ sub: string; prj: string }>;
  ensureRootAccount(input: { account: string; password: string; resetCredentials?: boolean }): Promise<{
    created: boolean;
    accountId: string;
    userId: string;
    projectId: string;
    accessKey?: string;
    secretKey?: string;
  }>;
  user(id: string): Promise<{ id: string; name: string; accountId: string } | undefined>;
  userByName(accountId: string, name: string): Promise<{ id: string; name: string; accountId: string } | undefined>;
}

/** What a caller of a real-time service must be allowed; the permissions' digest names no narrower one. */
const INFER_ACTION = 'modelarts:service:get';

/** The family of identities: accounts, users, credentials, policies, agencies. */
export function createIam(deps: IamDeps): Iam {
  const store = iamStore(deps.db);
  const authorizer = iamAuthorizer(store);
  const listeners: (() => void)[] = [];
  const changed = () => {
    authorizer.changed();
    for (const listener of listeners) listener();
  };
  const sessions = iamSessions({ store, clock: deps.clock, tokenKey: deps.tokenKey, dataKey: deps.dataKey });
  const service = iamService({ store, clock: deps.clock, dataKey: deps.dataKey, sessions, changed });
  const views = iamViews(deps.endpoints, deps.region);

  async function mayInvoke(principal: Principal): Promise<boolean> {
    return (await authorizer.decide(principal, { action: INFER_ACTION })).allowed;
  }

  return {
    routes: [
      ...tokenRoutes({ service, sessions, views, account: store.account }),
      ...iamRoutes({ service, views, authorizer, account: store.account, accountByName: store.accountByName }),
    ],
    authenticate: sessions.authenticate,
    authorizer,
    async ownsProject(principal, projectId) {
      return (await store.project(projectId))?.accountId === principal.accountId;
    },
    resolveAccessKey: sessions.resolveAccessKey,
    createAgency: service.createAgency,
    async findAgency(accountId, name) {
      const agency = await store.agencyByName(accountId, name);
      if (!agency) return undefined;
      const ids = new Set((await store.grants('agency', [agency.id])).map(grant => grant.policy_id));
      const policies = [...ids].map(id => findSystemPolicy(id)?.displayName ?? id);
      return { id: agency.id, name: agency.name, policies };
    },
    async assumeAgency(input) {
      const agency = await store.agencyByName(input.accountId, input.agencyName);
      if (agency?.trust !== 'service:modelarts') {
        throw new Failure({
          code: 'ModelArts.0428',
          status: 401,
          message: `The agency ${input.agencyName} does not exist, or does not trust ModelArts.`,
          solution: 'Bind an existing agency to the user: POST /v2/{project_id}/authorizations.',
        });
      }
      const principal: Principal = {
        kind: 'agency',
        id: agency.id,
        name: agency.name,
        accountId: agency.accountId,
        accountName: '',
        credential: 'internal',
        ...(input.onBehalfOf ? { onBehalfOf: input.onBehalfOf } : {}),
      };
      return sessions.issueTemporaryKey(principal, input.projectId, input.durationSeconds);
    },
    async callers() {
      const [projects, users, agencies] = await Promise.all([
        store.allProjects(),
        store.enabledUsers(),
        store.allAgencies(),
      ]);
      const callers: Caller[] = [];
      for (const project of projects) {
        const account = await store.account(project.accountId);
        if (!account?.enabled) continue;
        const base = {
          accountId: project.accountId,
          accountName: account.name,
          projectId: project.id,
          projectName: project.name,
          credential: 'token' as const,
        };
        for (const user of users.filter(item => item.accountId === project.accountId)) {
          const kind = user.isRoot ? ('root' as const) : ('user' as const);
          if (await mayInvoke({ ...base, kind, id: user.id, name: user.name })) {
            callers.push({ id: user.id, projectId: project.id, generation: user.generation });
          }
        }
        for (const agency of agencies.filter(item => item.accountId === project.accountId)) {
          if (await mayInvoke({ ...base, kind: 'agency', id: agency.id, name: agency.name })) {
            callers.push({ id: agency.id, projectId: project.id, generation: agency.generation });
          }
        }
      }
      return callers;
    },
    onCallersChanged: listener => {
      listeners.push(listener);
    },
    async verifyInference(input) {
      const principal = await sessions.bySignature({
        method: input.method,
        path: input.path,
        query: input.query,
        headers: Object.fromEntries(Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value])),
        ...(input.bodySha256 ? { bodySha256: input.bodySha256 } : {}),
      });
      const projects = await store.projects(principal.accountId);
      const projectId =
        principal.projectId ?? input.projectId ?? projects.find(project => project.name === deps.region)?.id;
      const project = projects.find(item => item.id === projectId);
      if (!project || !(await mayInvoke({ ...principal, projectId: project.id, projectName: project.name }))) {
        throw new Failure({
          code: 'ModelArts.4203',
          status: 403,
          message: `${principal.name} may not invoke services of this project.`,
          solution: `Its policies must allow ${INFER_ACTION}.`,
        });
      }
      return { sub: principal.id, prj: project.id };
    },
    ensureRootAccount: input => service.ensureRootAccount(input, deps.region),
    user: store.user,
    userByName: store.userByName,
  };
}
