import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { AccountService } from './account.service.ts';
import type { Project } from './identity.ts';

interface Named {
  id?: string | undefined;
  name?: string | undefined;
}

/** What a token is to reach: `auth.scope` of the requests that make one. */
export interface Scope {
  project?: Named;
  domain?: Named;
}

/**
 * The project a scope names, which must be the principal's account's, as must an account it names; undefined where it names none. Throws
 * Failure 401 IAM.0004.
 */
export async function scopeProject(
  accounts: Pick<AccountService, 'projects'>,
  principal: Principal,
  scope: Scope | undefined,
): Promise<Project | undefined> {
  const { domain, project: named } = scope ?? {};
  if (domain && (domain.id ? domain.id !== principal.accountId : domain.name !== principal.accountName)) {
    throw unreached('account', domain);
  }
  if (!named) return undefined;
  const projects = await accounts.projects(principal.accountId);
  const project = projects.find(item => (named.id ? item.id === named.id : item.name === named.name));
  if (!project) throw unreached('project', named);
  return project;
}

function unreached(what: string, named: Named): Failure {
  return new Failure({
    code: 'IAM.0004',
    status: 401,
    message: `The credential reaches no ${what} ${(named.id ?? named.name ?? '').slice(0, 64)}.`,
    solution: 'GET /v3/auth/projects and /v3/auth/domains list them; a project is named like its region.',
  });
}
