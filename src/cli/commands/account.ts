import * as quotaApi from '../../resources/compute-quotas/quota.api.ts';
import * as accountApi from '../../resources/iam/account.api.ts';
import { calling, type Leaf } from '../leaves.ts';
import { find, type Names, type Shown } from '../names.ts';
import { LIMITS, limitsOf, quotaRow } from './quota.ts';

const columns = {
  Name: (account: Shown) => account.name,
  Enabled: (account: Shown) => account.enabled,
  Description: (account: Shown) => account.description,
  Id: (account: Shown) => account.id,
};
const theAccount = [['<account>', 'name or id']] as const;
const SECRETS = ['root_password', 'root_secret'];

async function accountId({ session }: Names, [name]: readonly string[]) {
  const all = async () => (await session.call(accountApi.listDomains)).domains as Shown[];
  return { params: { domain_id: (await find('account', name!, all)).id } };
}

/** An account with the credentials of its root user, which are told once. */
function withRoot({ domain }: { domain: unknown }): Record<string, unknown> {
  const { id, name, project_id, root } = domain as Shown & { root: Record<string, unknown> };
  const credentials = Object.entries(root).map(([key, value]) => [`root_${key}`, value]);
  return { id, name, project_id, ...Object.fromEntries(credentials) };
}

function shown({ domain }: { domain: unknown }): Record<string, unknown> {
  const { links, ...rest } = domain as Shown;
  return rest;
}

/** `atelier account …` */
export const accountLeaves: readonly Leaf[] = [
  calling(accountApi.listDomains, {
    words: 'list',
    example: 'account list',
    rows: answer => answer.domains,
    columns,
  }),
  calling(accountApi.showDomain, {
    words: 'show',
    args: theAccount,
    example: 'account show physics',
    input: accountId,
    one: shown,
  }),
  calling(accountApi.createDomain, {
    words: 'create',
    about: 'create an account; the password and key of its root user are told this once',
    args: [['<name>', '3 to 64 letters, digits, _ or -']],
    options: [['--description <text>', 'what it is for']],
    example: 'account create physics',
    input: (_names, [name], { description }) => ({
      body: { domain: { name: name!, ...(description ? { description } : {}) } },
    }),
    one: withRoot,
    secrets: SECRETS,
  }),
  calling(accountApi.updateDomain, {
    words: 'describe',
    about: 'say what an account is for',
    args: [...theAccount, ['<text>', 'description']],
    example: 'account describe physics "institute of physics"',
    input: async (names, args) => ({
      ...(await accountId(names, args)),
      body: { domain: { description: args[1]! } },
    }),
    one: shown,
  }),
  ...([true, false] as const).map(enabled => {
    const word = enabled ? 'enable' : 'disable';
    return calling(accountApi.updateDomain, {
      words: word,
      about: enabled
        ? 'let the users of an account in again'
        : 'end every credential of an account at once; what runs in it runs on',
      args: theAccount,
      example: `account ${word} physics`,
      input: async (names, args) => ({ ...(await accountId(names, args)), body: { domain: { enabled } } }),
      one: shown,
    });
  }),
  calling(accountApi.resetDomainRoot, {
    words: 'reset',
    args: theAccount,
    example: 'account reset physics',
    destroys: true,
    input: accountId,
    one: withRoot,
    secrets: SECRETS,
  }),
  calling(quotaApi.showAccountComputeQuota, {
    words: 'quota',
    args: theAccount,
    example: 'account quota physics',
    also: [accountApi.listDomains],
    input: accountId,
    one: answer => quotaRow(answer),
  }),
  calling(quotaApi.setAccountComputeQuota, {
    words: 'limit',
    about: 'limit what an account may run at the same time; what is not named is not limited',
    args: theAccount,
    options: LIMITS,
    example: 'account limit physics --vcpus 8 --memory 16',
    also: [accountApi.listDomains],
    input: async (names, args, options) => ({ ...(await accountId(names, args)), body: limitsOf(options) }),
    one: answer => quotaRow(answer),
  }),
];
