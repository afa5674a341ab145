import type { Authenticate, Located, Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import { type Authorizer, findSystemPolicy } from '../../policy/index.ts';
import type { Database } from '../../store-kit/index.ts';
import { accountRoutes } from './account.routes.ts';
import { accountService, type RootAccount } from './account.service.ts';
import { assignmentRoutes } from './assignment.routes.ts';
import { catalogRoutes } from './catalog.routes.ts';
import { explainRoutes } from './explain.routes.ts';
import { iamAuthorizer } from './iam.authorizer.ts';
import { iamSessions, type ResolvedKey, type TemporaryCredential } from './iam.sessions.ts';
import { iamStore } from './iam.store.ts';
import { type Endpoints, iamViews } from './iam.view.ts';
import { type Account, isAlive, PLATFORM_TRUST } from './identity.ts';
import { loginService } from './login.service.ts';
import { policyRoutes } from './policy.routes.ts';
import { policyService } from './policy.service.ts';
import { providerRoutes } from './provider.routes.ts';
import { LOGIN_MS, providerService } from './provider.service.ts';
import { providerStore } from './provider.store.ts';
import type { FederatedUser } from './provider.ts';
import { tokenRoutes } from './token.routes.ts';
import { userRoutes } from './user.routes.ts';
import { userService } from './user.service.ts';

export { iamOperations } from './iam.api.ts';
export { iamMigrations } from './iam.schema.ts';
export type { ResolvedKey, TemporaryCredential } from './iam.sessions.ts';

export interface IamDeps {
  db: Database;
  clock: Clock;
  log: Log;
  region: string;
  /** Signs tokens (HS256); the inference gateway has the same. */
  tokenKey: Buffer;
  /** Proves whoever runs the installation. */
  operatorKey: string;
  /** 32 bytes; encrypts the secrets of access keys. */
  dataKey: Buffer;
  endpoints: Endpoints;
  /** Wraps the authorizer for decisions on what somebody does, as against those that only ask what he might. */
  recorded?: (authorizer: Authorizer) => Authorizer;
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
  /** Whether the project belongs to the principal's account. Throws Failure 401 ModelArts.0212 for a token without a project. */
  ownsProject(principal: Principal, projectId: string): Promise<boolean>;
  /** Where the family's things belong, by kind. */
  locators: Record<string, (id: string, scope: { accountId: string }) => Promise<Located | undefined>>;
  /** Tells which enterprise projects there are, which a family made after this one knows; only the default one until then. */
  setEnterpriseProjects(exists: (accountId: string, id: string) => Promise<boolean>): void;
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
  /** `trust`: `service:modelarts`, or the id of an account. `policies`: names of system-defined policies, ids of custom ones. */
  findAgency(
    accountId: string,
    name: string,
  ): Promise<{ id: string; name: string; trust: string; policies: string[] } | undefined>;
  agency(id: string): Promise<{ id: string; name: string; accountId: string; trust: string } | undefined>;
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
  /** Verifies a signed inference call. Throws Failure 401, or 403 where the project is not the caller's. */
  verifyInference(input: {
    method: string;
    path: string;
    query: string;
    headers: Record<string, string>;
    bodySha256?: string;
    projectId?: string;
  }): Promise<{ sub: string; prj: string }>;
  /** Account, project of the region and root user with an access key; `resetCredentials` makes new ones for the root user. */
  ensureRootAccount(input: { account: string; password: string; resetCredentials?: boolean }): Promise<RootAccount>;
  user(id: string): Promise<{ id: string; name: string; accountId: string } | undefined>;
  account(id: string): Promise<Account | undefined>;
  projectName(id: string): Promise<string | undefined>;
  userByName(accountId: string, name: string): Promise<{ id: string; name: string; accountId: string } | undefined>;
  group(id: string): Promise<{ id: string; name: string; accountId: string } | undefined>;
  /** A user whom an identity provider vouches for, as of the last login. */
  federatedUser(id: string): Promise<FederatedUser | undefined>;
  /** Throws Failure 400 when several are named so. */
  federatedUserByName(accountId: string, name: string): Promise<FederatedUser | undefined>;
}

/** What a caller of a real-time service must be allowed; the permissions' digest names no narrower one. */
const INFER_ACTION = 'modelarts:service:get';

/** The family of identities: accounts, users, credentials, policies, agencies. */
export function createIam(deps: IamDeps): Iam {
  const store = iamStore(deps.db);
  const federated = providerStore(deps.db);
  const authorizer = iamAuthorizer(store, federated);
  const recorded = deps.recorded?.(authorizer) ?? authorizer;
  const listeners: (() => void)[] = [];
  const { clock, dataKey, region } = deps;
  const sessions = iamSessions({
    store,
    federated,
    clock,
    tokenKey: deps.tokenKey,
    operatorKey: deps.operatorKey,
    dataKey,
  });
  const changed = () => {
    authorizer.changed();
    sessions.changed();
    for (const listener of listeners) listener();
  };
  const accounts = accountService({ store, clock, dataKey, region, changed });
  const logins = loginService({ store, clock });
  const users = userService({ store, clock, dataKey, logins, changed });
  const providers = providerService({ store: federated, identities: store, clock, changed });
  let enterpriseProjects = async (_accountId: string, id: string) => id === '0';
  const policies = policyService({
    store,
    clock,
    authorizer: recorded,
    enterpriseProjectExists: (accountId, id) => enterpriseProjects(accountId, id),
    changed,
  });
  const views = iamViews(deps.endpoints, region);

  async function mayInvoke(principal: Principal, asked: Authorizer = authorizer): Promise<boolean> {
    return (await asked.decide(principal, { action: INFER_ACTION })).allowed;
  }

  return {
    routes: [
      ...tokenRoutes({ accounts, logins, policies, providers, sessions, views }),
      ...userRoutes({ users, accounts, views }),
      ...policyRoutes({ policies, accounts, views }),
      ...assignmentRoutes({ policies, users, views }),
      ...providerRoutes({ providers, accounts, sessions, views }),
      ...accountRoutes({ accounts, views }),
      ...catalogRoutes({ accounts, users, policies, views, region }),
      ...explainRoutes({ users, policies, accounts, authorizer, region }),
    ],
    authenticate: sessions.authenticate,
    authorizer,
    async ownsProject(principal, projectId) {
      if (principal.projectId === undefined && principal.credential === 'token') {
        throw new Failure({
          code: 'ModelArts.0212',
          status: 401,
          message: 'The token is scoped to no project.',
          solution: 'Obtain one with auth.scope.project: POST /v3/auth/tokens.',
        });
      }
      return (await store.project(projectId))?.accountId === principal.accountId;
    },
    locators: {
      async 'access-key'(access, { accountId }) {
        const key = await store.key(access);
        const owner = key && (await store.user(key.user_id));
        return owner?.accountId === accountId ? { ownerId: owner.id } : undefined;
      },
    },
    setEnterpriseProjects: exists => {
      enterpriseProjects = exists;
    },
    resolveAccessKey: sessions.resolveAccessKey,
    createAgency: policies.createAgency,
    async findAgency(accountId, name) {
      const agency = await store.agencyByName(accountId, name);
      if (!agency) return undefined;
      const ids = new Set((await store.grants('agency', [agency.id])).map(grant => grant.policy_id));
      const held = [...ids].map(id => findSystemPolicy(id)?.displayName ?? id);
      return { id: agency.id, name: agency.name, trust: agency.trust, policies: held };
    },
    agency: store.agency,
    async assumeAgency(input) {
      const agency = await store.agencyByName(input.accountId, input.agencyName);
      if (agency?.trust !== PLATFORM_TRUST || !isAlive(agency, clock.now())) {
        throw new Failure({
          code: 'ModelArts.0428',
          status: 401,
          message: `The agency ${input.agencyName} does not exist, has expired, or does not trust ModelArts.`,
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
      const [projects, everybody, agencies, memberships, federatedUsers] = await Promise.all([
        store.allProjects(),
        store.enabledUsers(),
        store.allAgencies(),
        store.memberships(),
        // Their credentials end with the login's, so that nobody else has one.
        federated.federatedUsersSince(clock.now() - LOGIN_MS),
      ]);
      const callers: Caller[] = [];
      for (const project of projects) {
        const account = await store.account(project.accountId);
        if (!account?.enabled) continue;
        const base = {
          accountId: account.id,
          accountName: account.name,
          projectId: project.id,
          projectName: project.name,
          credential: 'token' as const,
        };
        // Users with the same groups may do the same, so each set of groups is asked about once.
        const allowed = new Map<string, boolean>();
        for (const user of everybody) {
          if (user.accountId !== account.id) continue;
          // A token with a password that must be changed is good for nothing else.
          if (user.mustChangePassword) continue;
          const groups = user.isRoot ? 'root' : (memberships.get(user.id) ?? []).join();
          const kind = user.isRoot ? ('root' as const) : ('user' as const);
          const may = allowed.get(groups) ?? (await mayInvoke({ ...base, kind, id: user.id, name: user.name }));
          allowed.set(groups, may);
          if (may) callers.push({ id: user.id, projectId: project.id, generation: user.generation });
        }
        for (const user of federatedUsers) {
          if (user.accountId !== account.id) continue;
          const { id, name, groups } = user;
          const key = `federated:${groups.join()}`;
          const may = allowed.get(key) ?? (await mayInvoke({ ...base, kind: 'federated', id, name, groups }));
          allowed.set(key, may);
          if (may) callers.push({ id, projectId: project.id, generation: user.generation });
        }
        for (const agency of agencies) {
          if (agency.accountId !== account.id || !isAlive(agency, clock.now())) continue;
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
      const projectId = principal.projectId ?? input.projectId ?? projects.find(project => project.name === region)?.id;
      const project = projects.find(item => item.id === projectId);
      const invoker = project && { ...principal, projectId: project.id, projectName: project.name };
      if (!invoker || !(await mayInvoke(invoker, recorded))) {
        throw new Failure({
          code: 'ModelArts.4203',
          status: 401,
          message: `${principal.name} may not invoke services of this project.`,
          solution: `Its policies must allow ${INFER_ACTION}.`,
        });
      }
      return { sub: principal.id, prj: project.id };
    },
    ensureRootAccount: accounts.ensureRootAccount,
    user: store.user,
    account: store.account,
    projectName: async id => (await store.project(id))?.name,
    userByName: store.userByName,
    async group(id) {
      const group = await store.group(id);
      return group && { id: group.id, name: group.name, accountId: group.account_id };
    },
    federatedUser: providers.federatedUser,
    federatedUserByName: providers.federatedUserByName,
  };
}
