import { Failure } from '../../../kernel/failure.ts';
import { lintPolicy } from '../../../policy/index.ts';
import * as auditApi from '../../../resources/audit/audit.api.ts';
import * as policyApi from '../../../resources/iam/policy.api.ts';
import { readText } from '../../ask.ts';
import { calling, type Leaf } from '../../leaves.ts';
import { Names, type Shown } from '../../names.ts';
import { badArgument, wholeNumber } from '../../options.ts';
import { printOne, printRows } from '../../output.ts';

/** Services without regions; a policy of theirs alone is one of the whole account (type AX), any other one of projects (XA). */
const GLOBAL_SERVICES = new Set(['iam', 'obs', 'eps', 'cts']);

export interface Document {
  policy: Record<string, unknown>;
  type: 'AX' | 'XA';
}

/** The policy of a file; what is probably a mistake is said on stderr. Throws Failure with what is wrong where. */
export function documentOf(file: string): Document {
  const text = readText(file);
  const { error, policy, warnings } = lintPolicy(text);
  if (error) {
    throw new Failure({
      code: 'Atelier.BadPolicy',
      status: 400,
      message: `${file}, ${error.path}: ${error.problem}. Allowed: ${error.allowed}.`,
      solution: `iam policy lint ${file} checks it without a platform.`,
    });
  }
  for (const { path, message } of warnings) process.stderr.write(`${file}: warning at ${path}: ${message}\n`);
  const services = policy!.statements.flatMap(each => each.actions.map(action => action.split(':')[0]!));
  const type = services.every(service => GLOBAL_SERVICES.has(service)) ? 'AX' : 'XA';
  return { policy: JSON.parse(text) as Record<string, unknown>, type };
}

const isCustom = (policy: Shown) => policy.catalog === 'CUSTOMED';
const thePolicy = [['<policy>', 'name or id']] as const;

/** `atelier iam policy …`, `suggest-policy` */
export const policyLeaves: readonly Leaf[] = [
  {
    words: 'policy list',
    about: 'list policies and roles',
    options: [
      ['--custom', 'the account’s own alone'],
      ['--system', 'the system-defined alone'],
    ],
    example: 'iam policy list --custom',
    operations: [policyApi.listRoles],
    async run({ session, format }, _args, { custom, system }) {
      const all = await new Names(session).policies();
      const shown = all.filter(policy => (!custom || isCustom(policy)) && (!system || !isCustom(policy)));
      printRows(format, shown, {
        Name: policy => policy.display_name,
        Kind: policy => (isCustom(policy) ? 'custom' : 'system'),
        Service: policy => (isCustom(policy) ? '' : policy.catalog),
        Description: policy => policy.description,
        Id: policy => policy.id,
      });
    },
  },
  {
    words: 'policy show',
    about: 'print the document of a policy',
    args: thePolicy,
    example: 'iam policy show "ModelArts CommonOperations"',
    operations: [policyApi.listRoles],
    async run({ session, format }, [name]) {
      const policy = await new Names(session).policy(name!);
      if (format === 'json') printOne(format, policy);
      else process.stdout.write(`${JSON.stringify(policy.policy, null, 2)}\n`);
    },
  },
  calling(policyApi.createCustomPolicy, {
    words: 'policy create',
    about: 'create a custom policy of a JSON file',
    args: [
      ['<name>', 'name of the policy'],
      ['<file>', 'its document; - reads standard input'],
    ],
    options: [['--description <text>', 'what it is for', '']],
    example: 'iam policy create Policy3_DenyOperation policy3.json',
    input: (_names, [display_name, file], { description }) => ({
      body: { role: { display_name: display_name!, description, ...documentOf(file!) } },
    }),
    one: ({ role }) => ({ id: role.id, name: role.display_name, type: role.type }),
  }),
  calling(policyApi.updateCustomPolicy, {
    words: 'policy update',
    about: 'replace the document of a custom policy; it counts at once',
    args: [...thePolicy, ['<file>', 'the new document; - reads standard input']],
    options: [
      ['--name <name>', 'another name'],
      ['--description <text>', 'what it is for'],
    ],
    example: 'iam policy update Policy3_DenyOperation policy3.json',
    also: [policyApi.listRoles],
    async input(names, [wanted, file], { name, description }) {
      const found = await names.policy(wanted!);
      const display_name = String(name ?? found.display_name);
      const role = { display_name, description: String(description ?? found.description ?? ''), ...documentOf(file!) };
      return { params: { role_id: found.id }, body: { role } };
    },
    one: ({ role }) => ({ id: role.id, name: role.display_name, type: role.type }),
  }),
  calling(policyApi.deleteCustomPolicy, {
    words: 'policy delete',
    about: 'delete a custom policy wherever it is granted',
    args: thePolicy,
    example: 'iam policy delete Policy3_DenyOperation',
    destroys: true,
    also: [policyApi.listRoles],
    input: async (names, [name]) => ({ params: { role_id: (await names.policy(name!)).id } }),
    done: ([name]) => `Policy ${name} is deleted.`,
  }),
  {
    words: 'policy lint',
    about: 'check policy files without a platform: what is wrong where, and what is probably a mistake',
    args: [['<file...>', 'JSON files; - reads standard input']],
    example: 'iam policy lint policy1.json policy2.json',
    async run({ format }, files) {
      const findings = files.flatMap(file => {
        const { error, warnings } = lintPolicy(readText(file));
        const wrong = error && {
          level: 'error',
          path: error.path,
          message: `${error.problem}. Allowed: ${error.allowed}.`,
        };
        return [...(wrong ? [wrong] : []), ...warnings.map(warning => ({ level: 'warning', ...warning }))].map(
          ({ level, path, message }) => ({ file, level, path, message }),
        );
      });
      if (format === 'json') printRows(format, findings, {});
      else {
        for (const { file, level, path, message } of findings) {
          process.stdout.write(`${file}: ${level} at ${path}: ${message}\n`);
        }
        for (const file of files) {
          if (!findings.some(finding => finding.file === file)) process.stdout.write(`${file}: good\n`);
        }
      }
      if (findings.some(finding => finding.level === 'error')) process.exitCode = 1;
    },
  },
  {
    words: 'suggest-policy',
    about: 'write the least policies that would have allowed what a user or agency did',
    options: [
      ['--user <name>', 'IAM user'],
      ['--agency <name>', 'agency'],
      ['--days <n>', 'of how many days, at most 365', '30'],
    ],
    example: 'iam suggest-policy --user ann --days 7 > least.json',
    operations: [auditApi.suggestPolicy],
    async run({ session, format }, _args, { user, agency, days }) {
      if (!user === !agency) throw badArgument('Whose policy?', 'Give either --user or --agency.');
      const names = new Names(session);
      const who = user ? { user_id: (await names.user(user)).id } : { agency_id: (await names.agency(agency)).id };
      const query = { ...who, days: wholeNumber(1, 365)(days) };
      const answer = await session.call(auditApi.suggestPolicy, { query });
      if (format === 'json') {
        printOne(format, answer);
        return;
      }
      process.stderr.write(
        answer.policies.length === 0
          ? `Nothing was used since ${answer.since}.\n`
          : `Learned of ${answer.uses} uses since ${answer.since}; ${answer.policies.length} to create with: iam policy create NAME FILE\n`,
      );
      for (const policy of answer.policies) process.stdout.write(`${JSON.stringify(policy, null, 2)}\n`);
    },
  },
];
