import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readSettings } from '../../app/env.ts';
import { homePaths } from '../../app/home.ts';
import type { Session } from '../../client/session.ts';
import { Failure } from '../../kernel/failure.ts';
import * as accountApi from '../../resources/iam/account.api.ts';
import { addLeaves, type Leaf } from '../leaves.ts';
import { printOne, printRows } from '../output.ts';
import { pick, type Shown } from './iam/names.ts';

/** The key of whoever runs the installation. Throws Failure where it cannot be had. */
function operatorHeaders(): Record<string, string> {
  const fromEnvironment = process.env.ATELIER_OPERATOR_KEY;
  if (fromEnvironment) return { 'x-operator-key': fromEnvironment };
  const file = join(homePaths(readSettings(process.env).home).secrets, 'operator.key');
  if (existsSync(file)) return { 'x-operator-key': readFileSync(file, 'utf8').trim() };
  throw new Failure({
    code: 'Atelier.NoOperatorKey',
    status: 403,
    message: 'Accounts are managed by whoever runs the installation, and its key is not here.',
    solution: `Run this on the machine of the installation as the user that runs it, or set ATELIER_OPERATOR_KEY to the content of ${file} there.`,
  });
}

async function accounts(session: Session): Promise<Shown[]> {
  return (await session.call(accountApi.listDomains, { headers: operatorHeaders() })).domains as Shown[];
}

const columns = {
  Name: (account: Shown) => account.name,
  Enabled: (account: Shown) => account.enabled,
  Description: (account: Shown) => account.description,
  Id: (account: Shown) => account.id,
};

/** The credentials that are told this once. */
function withRoot(domain: unknown): Record<string, unknown> {
  const { id, name, project_id, root } = domain as Shown & { root: Record<string, unknown> };
  return {
    id,
    name,
    project_id,
    ...Object.fromEntries(Object.entries(root).map(([key, value]) => [`root_${key}`, value])),
  };
}

const leaves: readonly Leaf[] = [
  {
    words: 'list',
    about: 'list the accounts of the installation',
    async run({ session, format }) {
      printRows(format, await accounts(session), columns);
    },
  },
  {
    words: 'create',
    about: 'create an account; the password and key of its root user are shown this once',
    args: [['<name>', '3 to 64 letters, digits, _ or -']],
    options: [['--description <text>', 'what it is for']],
    example: 'account create physics',
    async run({ session, format }, [name], { description }) {
      const domain = { name: name!, ...(description ? { description } : {}) };
      const answer = await session.call(accountApi.createDomain, { body: { domain }, headers: operatorHeaders() });
      printOne(format, withRoot(answer.domain));
    },
  },
  ...([true, false] as const).map(
    (enabled): Leaf => ({
      words: enabled ? 'enable' : 'disable',
      about: enabled
        ? 'let the users of an account in again'
        : 'end every credential of an account at once; what runs in it runs on',
      args: [['<account>', 'name or id']],
      async run({ session, format }, [name]) {
        const { id } = pick('account', name!, await accounts(session));
        const input = { params: { domain_id: id }, body: { domain: { enabled } }, headers: operatorHeaders() };
        printRows(format, [(await session.call(accountApi.updateDomain, input)).domain as Shown], columns);
      },
    }),
  ),
  {
    words: 'reset',
    about: 'give the root user of an account a new password and key, in place of all it had',
    args: [['<account>', 'name or id']],
    destroys: true,
    async run({ session, format }, [name]) {
      const { id } = pick('account', name!, await accounts(session));
      const input = { params: { domain_id: id }, headers: operatorHeaders() };
      printOne(format, withRoot((await session.call(accountApi.resetDomainRoot, input)).domain));
    },
  },
];

/** `atelier account …`: accounts of the installation, for whoever runs it. */
export function addAccount(program: Command): void {
  const account = program.command('account').description('accounts of the installation, for whoever runs it');
  addLeaves(account, {}, leaves);
}
