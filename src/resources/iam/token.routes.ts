import { type Attributed, type AuditNote, checkPasswordChanged, Reply, type Route, route } from '../../http/index.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import { parsePolicy } from '../../policy/index.ts';
import type { BodyOf } from '../../wire/operation.ts';
import type { AccountService } from './account.service.ts';
import { invalid, missing } from './iam.failures.ts';
import type { IamSessions, Proof } from './iam.sessions.ts';
import { type IamViews, iamTime, onPage } from './iam.view.ts';
import type { Account, User } from './identity.ts';
import type { LoginService } from './login.service.ts';
import type { PolicyService } from './policy.service.ts';
import type { ProviderService } from './provider.service.ts';
import * as api from './token.api.ts';
import { scopeProject } from './token.scope.ts';
import type { TokenClaims } from './token.ts';

export interface TokenRouteDeps {
  accounts: AccountService;
  logins: LoginService;
  policies: PolicyService;
  providers: ProviderService;
  sessions: IamSessions;
  views: IamViews;
}

const TEMPORARY_SECONDS = 900;
/** It travels in the claims of the credential. */
const BOUNDARY_CHARACTERS = 2048;

type Identity = BodyOf<typeof api.createToken>['auth']['identity'];

/** What a token is made for: a principal, and by what it proved itself. */
interface Proven extends Proof {
  principal: Principal;
}

/** Tokens, temporary keys and what a caller can reach. */
export function tokenRoutes({ accounts, logins, policies, providers, sessions, views }: TokenRouteDeps): Route[] {
  async function prove(
    identity: Identity,
    presented: string | undefined,
    address: string,
    note: (note: AuditNote) => void,
  ): Promise<Proven> {
    const method = identity.methods.length === 1 ? identity.methods[0] : undefined;
    if (method === 'password' && identity.password) {
      const { user } = identity.password;
      if (!user.id && !user.name) throw invalid('Field [auth.identity.password.user.name] is required.');
      const login = {
        userId: user.id,
        userName: user.name,
        accountId: user.domain?.id,
        accountName: user.domain?.name,
        password: user.password,
        address,
      };
      // Names are noted only where they are those of users: a password may have been typed in the place of the name.
      const { user: found, account } = await logins.login(login, tried => note({ who: triedFor(tried) }));
      const principal: Principal = {
        kind: found.isRoot ? 'root' : 'user',
        id: found.id,
        name: found.name,
        accountId: account.id,
        accountName: account.name,
        credential: 'token',
        ...(found.mustChangePassword ? { mustChangePassword: true } : {}),
      };
      return { principal, generation: found.generation };
    }
    if (method !== 'token' && method !== 'assume_role') {
      throw invalid(
        'Field [auth.identity.methods] should be one of ["password"], ["token"], ["assume_role"], with its member beside it.',
      );
    }
    const token = identity.token?.id ?? presented;
    if (!token) throw invalid('The token to go by must be in auth.identity.token.id or in the header X-Auth-Token.');
    const caller = await sessions.byToken(token);
    note({ who: caller.principal });
    // Nothing may be made of a token that is good for choosing a password alone.
    checkPasswordChanged(api.createToken, caller.principal);
    if (method === 'token') {
      return { principal: caller.principal, ...proofOf(caller.claims) };
    }
    return {
      principal: await assume(caller.principal, identity.assume_role),
      assumerGeneration: caller.claims.gen,
    };
  }

  function assume(
    caller: Principal,
    role: { agency_name: string; domain_id?: string; domain_name?: string } | undefined,
  ): Promise<Principal> {
    if (!role) throw invalid('Field [auth.identity.assume_role] is required with the method assume_role.');
    return policies.assume(caller, {
      accountId: role.domain_id,
      accountName: role.domain_name,
      agencyName: role.agency_name,
    });
  }

  return [
    route(api.createToken, async call => {
      const { identity, scope } = call.body.auth;
      const proof = await prove(identity, header(call.headers['x-auth-token']), call.remoteAddress, call.note);
      const { principal } = proof;
      if (identity.methods[0] === 'assume_role') call.note({ target: `agency/${principal.id}` });
      const project = await scopeProject(accounts, principal, scope);
      const { token, claims } = await sessions.issueToken(principal, project?.id, proof);
      const body = views.token({
        claims,
        methods: identity.methods,
        principal,
        project,
        catalog: call.query.nocatalog === undefined,
        federation: await providers.federation(principal),
      });
      return new Reply(body, { headers: { 'X-Subject-Token': token } });
    }),
    route(api.validateToken, async call => {
      const subject = header(call.headers['x-subject-token']);
      if (!subject) throw invalid('The header X-Subject-Token must carry the token to show.');
      const { claims, principal } = await sessions.byToken(subject);
      if (principal.accountId !== call.principal.accountId) throw missing('token', 'of X-Subject-Token');
      const project = claims.prj ? await accounts.projectOf(principal.accountId, claims.prj) : undefined;
      const catalog = call.query.nocatalog === undefined;
      const federation = await providers.federation(principal);
      const body = views.token({ claims, methods: ['token'], principal, project, catalog, federation });
      return new Reply(body, { headers: { 'X-Subject-Token': subject } });
    }),
    route(api.listAuthProjects, async call => ({
      projects: (await accounts.projects(call.principal.accountId)).map(views.project),
      links: views.links('/v3/auth/projects'),
    })),
    route(api.listAuthDomains, async call => ({
      domains: [views.domain((await accounts.account(call.principal.accountId))!)],
      links: views.links('/v3/auth/domains'),
    })),
    route(api.showCatalog, async call => ({
      catalog: views.catalog(call.principal.projectId),
      links: views.links('/v3/auth/catalog'),
    })),
    route(api.listProjects, async call => {
      const { name, domain_id, parent_id, enabled } = call.query;
      const { accountId } = call.principal;
      const ofAccount = [domain_id, parent_id].every(id => id === undefined || id === accountId);
      const projects = ofAccount ? await accounts.projects(accountId) : [];
      const named = projects
        .filter(project => name === undefined || project.name === name)
        .filter(project => enabled === undefined || (project.status === 'normal') === enabled);
      return { projects: onPage(named, call.query).map(views.project), links: views.links('/v3/projects') };
    }),
    route(api.showProject, async call => ({
      project: views.project(await accounts.projectOf(call.principal.accountId, call.params.project)),
    })),
    route(api.createProject, async call => {
      const { name, domain_id, description } = call.body.project;
      if (domain_id !== undefined && domain_id !== call.principal.accountId) throw missing('account', domain_id);
      return {
        project: views.project(await accounts.createProject(call.principal.accountId, name, description ?? '')),
      };
    }),
    route(api.listRegions, async () => ({ regions: [views.region()], links: views.links('/v3/regions') })),
    route(api.createTemporaryKey, async call => {
      const { identity } = call.body.auth;
      const method = identity.methods.length === 1 ? identity.methods[0] : undefined;
      let principal = call.principal;
      let proof: Proof = {};
      let seconds = TEMPORARY_SECONDS;
      if (method === 'assume_role') {
        principal = await assume(call.principal, identity.assume_role);
        call.note({ target: `agency/${principal.id}` });
        // Of the token it came with, so that a password changed meanwhile counts.
        const token = header(call.headers['x-auth-token']);
        const generation = token
          ? (await sessions.byToken(token)).claims.gen
          : await sessions.generationOf(call.principal);
        proof = { assumerGeneration: generation };
        seconds = identity.assume_role?.duration_seconds ?? seconds;
      } else if (method === 'token') {
        const token = identity.token?.id ?? header(call.headers['x-auth-token']);
        if (token) {
          const { claims, principal: holder } = await sessions.byToken(token);
          checkPasswordChanged(api.createTemporaryKey, holder);
          principal = holder;
          proof = proofOf(claims);
        }
        if (principal.accountId !== call.principal.accountId) throw missing('token', 'of auth.identity.token.id');
        seconds = identity.token?.duration_seconds ?? seconds;
      } else {
        throw invalid(
          'Field [auth.identity.methods] should be one of ["token"], ["assume_role"], with its member beside it.',
        );
      }
      if (call.principal.credential === 'temporary-key') {
        throw new Failure({
          code: 'IAM.0003',
          status: 403,
          message: 'A temporary access key cannot be used to obtain another, so that it ends when it is meant to.',
          solution: 'Use a token or a permanent access key.',
        });
      }
      if (identity.policy !== undefined) principal = { ...principal, boundary: boundaryOf(principal, identity.policy) };
      const credential = await sessions.issueTemporaryKey(principal, principal.projectId, seconds, proof);
      return {
        credential: {
          access: credential.access,
          secret: credential.secret,
          securitytoken: credential.securityToken,
          expires_at: iamTime(credential.expiresAt),
        },
      };
    }),
  ];
}

/** What is made of a token is of its generation and its switched role, and must not outlive it. */
function proofOf({ gen, exp, obo }: TokenClaims): Proof {
  return { generation: gen, until: exp, ...(obo?.gen === undefined ? {} : { assumerGeneration: obo.gen }) };
}

/** The policy a temporary key is to be narrowed to, as JSON text. Throws Failure when it is no policy, or there is one already. */
function boundaryOf(principal: Principal, policy: unknown): string {
  if (principal.boundary !== undefined) {
    throw invalid(
      'Field [auth.identity.policy]: the credential is narrowed by a policy already; obtain the key with another.',
    );
  }
  parsePolicy(policy, { limits: { characters: BOUNDARY_CHARACTERS, statements: 8 } });
  return JSON.stringify(policy);
}

function triedFor({ user, account }: { user?: User | undefined; account?: Account | undefined }): Attributed {
  return {
    credential: 'password',
    ...(user ? { kind: user.isRoot ? ('root' as const) : ('user' as const), id: user.id, name: user.name } : {}),
    ...(account ? { accountId: account.id, accountName: account.name } : {}),
  };
}

function header(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
