import { type Route, route } from '../../http/index.ts';
import * as api from './account.api.ts';
import type { AccountService, RootAccount } from './account.service.ts';
import type { IamViews } from './iam.view.ts';
import type { AuthMode } from './identity.ts';

/** Accounts of the installation, and the authorization mode of one. */
export function accountRoutes({ accounts, views }: { accounts: AccountService; views: IamViews }): Route[] {
  const withRoot = async (made: RootAccount & { password: string }) => {
    const account = await accounts.accountOf(made.accountId);
    return {
      domain: {
        ...views.domain(account),
        project_id: made.projectId,
        root: {
          user_id: made.userId,
          name: account.name,
          password: made.password,
          access: made.accessKey,
          secret: made.secretKey,
        },
      },
    };
  };
  return [
    route(api.createDomain, async call => {
      const { name, description } = call.body.domain;
      return withRoot(await accounts.createAccount(name, description ?? ''));
    }),
    route(api.listDomains, async call => {
      const { name, enabled } = call.query;
      const found = (await accounts.accounts())
        .filter(account => name === undefined || account.name === name)
        .filter(account => enabled === undefined || account.enabled === enabled);
      return { domains: found.map(views.domain) };
    }),
    route(api.showDomain, async call => ({ domain: views.domain(await accounts.accountOf(call.params.domain_id)) })),
    route(api.updateDomain, async call => ({
      domain: views.domain(await accounts.updateAccount(call.params.domain_id, call.body.domain)),
    })),
    route(api.resetDomainRoot, async call => withRoot(await accounts.resetRoot(call.params.domain_id))),
    route(api.showAuthMode, async ({ principal }) => {
      const { id, authMode } = await accounts.accountOf(principal.accountId);
      return { domain_id: id, mode: authMode };
    }),
    route(api.updateAuthMode, async ({ principal, body }) => {
      const mode = body.mode as AuthMode;
      await accounts.setAuthMode(principal.accountId, mode);
      return { domain_id: principal.accountId, mode };
    }),
  ];
}
