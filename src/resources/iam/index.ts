import type { Authenticate, Located, Route, WorkspaceView } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Soon } from '../../kernel/soon.ts';
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
import type { BrowserProvider, FederatedUser } from './provider.ts';
import { tokenRoutes } from './token.routes.ts';
import { userRoutes } from './user.routes.ts';
import { userService } from './user.service.ts';

export { iamOperations } from './iam.api.ts';
export { accountsOfIam, iamMigrations } from './iam.schema.ts';
export type { ResolvedKey, TemporaryCredential } from './iam.sessions.ts';
export type { BrowserProvider } from './provider.ts';

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

/** A workspace whose services are invoked. */
export interface InvocationScope {
  projectId: string;
  workspace: WorkspaceView;
}

/** A user who may invoke the services of a workspace, for the gateway. */
export interface Caller {
  id: string;
  projectId: string;
  workspaceId: string;
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
  resolveAccessKey(access: string): Soon<ResolvedKey | undefined>;
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
  /** The users who may invoke the services of these workspaces; sessions of agencies are asked about one by one. */
  callers(scopes: readonly InvocationScope[]): Promise<Caller[]>;
  /** Called whenever who may do what has changed. */
  onCallersChanged(listener: () => void): void;
  /** Verifies an inference call that is signed, or by a token. `scope`: where the service lies. Throws Failure 401 or 403. */
  verifyInference(input: {
    method: string;
    path: string;
    query: string;
    headers: Record<string, string>;
    bodySha256?: string;
    projectId?: string;
    scope?: InvocationScope | undefined;
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
  /** How browsers sign in by an identity provider; undefined where they do not. */
  browserProvider(id: string): Promise<BrowserProvider | undefined>;
  /** The identity providers of an account, by its name, by which browsers sign in; none where there is no such account. */
  signInProviders(account: string): Promise<{ id: string; description: string }[]>;
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

  /**
   * Policy, then workspace, as for any call. `as`: whose policies are asked, where those are the same for several. `asked`: the authorizer
   * that counts what it allows, where something is done.
   */
  async function mayInvoke(
    principal: Principal,
    workspace: WorkspaceView | undefined,
    { as = principal, asked = authorizer }: { as?: Principal; asked?: Authorizer } = {},
  ): Promise<{ allowed: boolean; reason: string }> {
    const enterpriseProjectId = workspace?.enterpriseProjectId ?? '0';
    const context = {
      'g:UserId': principal.id,
      'g:UserName': principal.name,
      'g:DomainName': principal.accountName,
      'g:ProjectName': principal.projectName,
      'g:EnterpriseProjectId': enterpriseProjectId,
    };
    const decision = await asked.decide(as, { action: INFER_ACTION, context, enterpriseProjectId });
    return decision.allowed && workspace ? workspace.admits(principal) : decision;
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
      const project = await sessions.projectById(projectId);
      if (project?.accountId !== principal.accountId) return false;
      // Only here: whoever resumes it has a credential of this very project, as the official client will have it.
      if (project.status === 'suspended') throw suspended(project.name);
      return true;
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
    async callers(scopes) {
      const [projects, everybody, memberships, direct, federatedUsers] = await Promise.all([
        store.allProjects(),
        store.enabledUsers(),
        store.memberships(),
        store.usersWithGrants(),
        // Their credentials end with the login's, so that nobody else has one.
        federated.federatedUsersSince(clock.now() - LOGIN_MS),
      ]);
      const callers: Caller[] = [];
      for (const { projectId, workspace } of scopes) {
        const project = projects.find(each => each.id === projectId);
        const account = project && (await store.account(project.accountId));
        if (!project || !account?.enabled || project.status === 'suspended') continue;
        const base = {
          accountId: account.id,
          accountName: account.name,
          projectId,
          projectName: project.name,
          credential: 'token' as const,
        };
        /** `groups`: where the user has what these have and no more, so that policies are read once for all who have the same. */
        const add = async (principal: Principal, groups: readonly string[] | undefined, generation: number) => {
          const as: Principal = groups ? { ...principal, kind: 'federated', id: 'groups', groups } : principal;
          if (!(await mayInvoke(principal, workspace, { as })).allowed) return;
          callers.push({ id: principal.id, projectId, workspaceId: workspace.id, generation });
        };
        for (const { id, name, isRoot, accountId, mustChangePassword, generation } of everybody) {
          // A token with a password that must be changed is good for nothing else.
          if (accountId !== account.id || mustChangePassword) continue;
          const groups = isRoot || direct.has(id) ? undefined : (memberships.get(id) ?? []);
          await add({ ...base, kind: isRoot ? 'root' : 'user', id, name }, groups, generation);
        }
        for (const { id, name, groups, accountId, generation } of federatedUsers) {
          if (accountId === account.id) await add({ ...base, kind: 'federated', id, name, groups }, groups, generation);
        }
      }
      return callers;
    },
    onCallersChanged: listener => {
      listeners.push(listener);
    },
    async verifyInference(input) {
      const headers = Object.fromEntries(
        Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value]),
      );
      const token = headers['x-auth-token'] ?? /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
      const principal = token
        ? (await sessions.byToken(token)).principal
        : await sessions.bySignature({
            method: input.method,
            path: input.path,
            query: input.query,
            headers,
            ...(input.bodySha256 ? { bodySha256: input.bodySha256 } : {}),
          });
      const projects = await store.projects(principal.accountId);
      const projectId = principal.projectId ?? input.projectId ?? projects.find(project => project.name === region)?.id;
      const project = projects.find(item => item.id === projectId);
      if (project?.status === 'suspended') throw suspended(project.name);
      // A service of another project is refused by the gateway, which is told the caller's.
      const workspace = input.scope?.projectId === projectId ? input.scope?.workspace : undefined;
      const invoker = project && { ...principal, projectId: project.id, projectName: project.name };
      const may = invoker && (await mayInvoke(invoker, workspace, { asked: recorded }));
      if (!project || !may?.allowed || principal.mustChangePassword) {
        throw new Failure({
          code: 'ModelArts.4203',
          status: 401,
          message: `${principal.name} may not invoke services of this ${workspace ? 'workspace' : 'project'}.${may ? ` ${may.reason}` : ''}`,
          solution: `Its policies must allow ${INFER_ACTION}, and the workspace admit it.`,
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
    browserProvider: providers.browserProvider,
    async signInProviders(name) {
      const account = await accounts.accountByName(name);
      if (!account?.enabled) return [];
      return (await providers.signInProviders(account.id)).map(({ id, description }) => ({ id, description }));
    },
    federatedUserByName: providers.federatedUserByName,
  };
}

function suspended(name: string): Failure {
  return new Failure({
    code: 'IAM.0003',
    status: 403,
    message: `The project ${name} is suspended.`,
    solution: 'An administrator resumes it: PUT /v3-ext/projects/{project_id} with status normal.',
  });
}
