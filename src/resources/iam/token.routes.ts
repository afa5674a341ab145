import { Reply, type Route, route } from '../../http/index.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import * as api from './iam.api.ts';
import { invalid, missing } from './iam.failures.ts';
import type { IamService } from './iam.service.ts';
import type { IamSessions } from './iam.sessions.ts';
import type { IamViews } from './iam.view.ts';
import type { Account, Project } from './identity.ts';

export interface TokenRouteDeps {
  service: IamService;
  sessions: IamSessions;
  views: IamViews;
  account(id: string): Promise<Account | undefined>;
}

const TEMPORARY_SECONDS = 900;

/** Tokens, temporary keys and what a caller can reach. */
export function tokenRoutes({ service, sessions, views, account }: TokenRouteDeps): Route[] {
  interface Named {
    id?: string | undefined;
    name?: string | undefined;
  }

  /** The project a scope names, which must be the principal's account's. */
  async function scopeProject(
    principal: Principal,
    scope: { project?: Named; domain?: Named } | undefined,
  ): Promise<Project | undefined> {
    if (!scope?.project) return undefined;
    const { id, name } = scope.project;
    const project = (await service.projects(principal.accountId)).find(item =>
      id ? item.id === id : item.name === name,
    );
    if (project) return project;
    throw new Failure({
      code: 'IAM.0004',
      status: 401,
      message: `The account has no project ${(id ?? name ?? '').slice(0, 64)}.`,
      solution: 'GET /v3/auth/projects lists the projects; a project is named like its region.',
    });
  }

  return [
    route(api.createToken, async call => {
      const { identity, scope } = call.body.auth;
      const method = identity.methods[0];
      let principal: Principal;
      let assumedBy: Principal | undefined;
      if (method === 'password' && identity.password) {
        const { user } = identity.password;
        const { user: found, account: owner } = await service.login({
          ...(user.domain?.id ? { accountId: user.domain.id } : {}),
          ...(user.domain?.name ? { accountName: user.domain.name } : {}),
          ...(user.id ? { userId: user.id } : {}),
          ...(user.name ? { userName: user.name } : {}),
          password: user.password,
        });
        principal = {
          kind: found.isRoot ? 'root' : 'user',
          id: found.id,
          name: found.name,
          accountId: owner.id,
          accountName: owner.name,
          credential: 'token',
        };
      } else if (method === 'token' || method === 'assume_role') {
        const token = identity.token?.id ?? header(call.headers['x-auth-token']);
        if (!token)
          throw invalid('The token to go by must be in auth.identity.token.id or in the header X-Auth-Token.');
        const caller = await sessions.principalOf(await sessions.claimsOfToken(token), 'token');
        if (method === 'token') {
          principal = caller;
        } else {
          const role = identity.assume_role;
          if (!role) throw invalid('Field [auth.identity.assume_role] is required with the method assume_role.');
          principal = await service.assume(caller, {
            ...(role.domain_id ? { accountId: role.domain_id } : {}),
            ...(role.domain_name ? { accountName: role.domain_name } : {}),
            agencyName: role.agency_name,
          });
          assumedBy = caller;
        }
      } else {
        throw invalid(
          'Parameter [auth.identity.methods] should be one of ["password"], ["token"], ["assume_role"], with its member.',
        );
      }
      const project = await scopeProject(principal, scope);
      const { token, claims } = await sessions.issueToken(principal, project?.id);
      const body = views.token({
        claims,
        methods: identity.methods,
        principal,
        account: (await account(principal.accountId))!,
        project,
        ...(assumedBy ? { assumedBy } : {}),
        catalog: call.query.nocatalog === undefined,
      });
      return new Reply(body, { headers: { 'X-Subject-Token': token } });
    }),
    route(api.validateToken, async call => {
      const subject = header(call.headers['x-subject-token']);
      if (!subject) throw invalid('The header X-Subject-Token must carry the token to show.');
      const claims = await sessions.claimsOfToken(subject);
      const principal = await sessions.principalOf(claims, 'token');
      if (principal.accountId !== call.principal.accountId) throw missing('token', 'of X-Subject-Token');
      const project = (await service.projects(principal.accountId)).find(item => item.id === claims.prj);
      const owner = (await account(principal.accountId))!;
      const body = views.token({ claims, methods: ['token'], principal, account: owner, project, catalog: false });
      return new Reply(body, { headers: { 'X-Subject-Token': subject } });
    }),
    route(api.listAuthProjects, async call => ({
      projects: (await service.projects(call.principal.accountId)).map(views.project),
      links: views.links('/v3/auth/projects'),
    })),
    route(api.listAuthDomains, async call => ({
      domains: [views.domain((await account(call.principal.accountId))!)],
      links: views.links('/v3/auth/domains'),
    })),
    route(api.showCatalog, async call => ({
      catalog: views.catalog(call.principal.projectId),
      links: views.links('/v3/auth/catalog'),
    })),
    route(api.listProjects, async call => ({
      projects: (await service.projects(call.principal.accountId))
        .filter(project => call.query.name === undefined || project.name === call.query.name)
        .map(views.project),
      links: views.links('/v3/projects'),
    })),
    route(api.listRegions, async () => ({ regions: [views.region()], links: views.links('/v3/regions') })),
    route(api.createTemporaryKey, async call => {
      const { identity } = call.body.auth;
      const method = identity.methods[0];
      let principal = call.principal;
      let seconds = TEMPORARY_SECONDS;
      if (method === 'assume_role' && identity.assume_role) {
        const role = identity.assume_role;
        principal = await service.assume(call.principal, {
          ...(role.domain_id ? { accountId: role.domain_id } : {}),
          ...(role.domain_name ? { accountName: role.domain_name } : {}),
          agencyName: role.agency_name,
        });
        seconds = role.duration_seconds ?? seconds;
      } else if (method === 'token') {
        if (identity.token?.id)
          principal = await sessions.principalOf(await sessions.claimsOfToken(identity.token.id), 'token');
        if (principal.accountId !== call.principal.accountId) throw missing('token', 'of auth.identity.token.id');
        seconds = identity.token?.duration_seconds ?? seconds;
      } else {
        throw invalid(
          'Parameter [auth.identity.methods] should be one of ["token"], ["assume_role"], with its member.',
        );
      }
      const credential = await sessions.issueTemporaryKey(principal, principal.projectId, seconds);
      return {
        credential: {
          access: credential.access,
          secret: credential.secret,
          securitytoken: credential.securityToken,
          expires_at: new Date(credential.expiresAt).toISOString().replace('Z', '000Z'),
        },
      };
    }),
  ];
}

function header(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
