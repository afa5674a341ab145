import { type Route, route } from '../../http/index.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Authorizer } from '../../policy/index.ts';
import type { AccountService } from './account.service.ts';
import { explainAccess } from './explain.api.ts';
import { invalid, missing } from './iam.failures.ts';
import type { PolicyService } from './policy.service.ts';
import type { UserService } from './user.service.ts';

export interface ExplainRouteDeps {
  users: Pick<UserService, 'userOf'>;
  policies: Pick<PolicyService, 'agencyOf'>;
  accounts: Pick<AccountService, 'projects'>;
  authorizer: Authorizer;
  region: string;
}

const ACTION = /^[a-z][\w-]*:[\w-]+:[\w-]+$/;

/** Answers why somebody of the account may or may not do something, by the very authorizer that decides requests. */
export function explainRoutes(deps: ExplainRouteDeps): Route[] {
  const { users, policies, accounts, authorizer, region } = deps;

  async function subject(caller: Principal, userId: string | undefined, agencyId: string | undefined) {
    if (userId) {
      const { id, name, isRoot } = await users.userOf(caller.accountId, userId);
      return { id, name, kind: isRoot ? ('root' as const) : ('user' as const) };
    }
    const { id, name } = await policies.agencyOf(caller.accountId, agencyId!);
    return { id, name, kind: 'agency' as const };
  }

  return [
    route(explainAccess, async call => {
      const { user_id, agency_id, action, resource, project_id, enterprise_project_id, attributes = {} } = call.body;
      const { accountId, accountName } = call.principal;
      if (!user_id === !agency_id) throw invalid('Either [user_id] or [agency_id] is required in the body, not both.');
      if (!ACTION.test(action)) throw invalid('Parameter [action] should have the form service:resourceType:action.');
      const who = await subject(call.principal, user_id, agency_id);
      const projects = await accounts.projects(accountId);
      const project = projects.find(each => (project_id ? each.id === project_id : each.name === region));
      if (!project) throw missing('project', project_id ?? region);
      const enterpriseProjectId = enterprise_project_id || '0';
      const principal: Principal = {
        ...who,
        accountId,
        accountName,
        projectId: project.id,
        projectName: project.name,
        credential: 'internal',
      };
      const decision = await authorizer.decide(principal, {
        action,
        ...(resource ? { resource } : {}),
        enterpriseProjectId,
        context: attributes,
      });
      const conditions = decision.conditions?.map(({ key, operator, values }) => ({
        key,
        operator,
        value: values.map(String),
      }));
      return {
        verdict: decision.allowed ? 'allow' : 'deny',
        reason: decision.reason,
        ...(decision.policy === undefined ? {} : { policy_name: decision.policy }),
        ...(decision.statement === undefined ? {} : { statement: decision.statement }),
        ...(conditions ? { conditions } : {}),
      };
    }),
  ];
}
