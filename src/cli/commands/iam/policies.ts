import { Failure } from '../../../kernel/failure.ts';
import { lintPolicy } from '../../../policy/index.ts';
import * as auditApi from '../../../resources/audit/audit.api.ts';
import * as policyApi from '../../../resources/iam/policy.api.ts';
import { readText } from '../../ask.ts';
import type { Leaf } from '../../leaves.ts';
import { badArgument, wholeNumber } from '../../options.ts';
import { printOne, printRows } from '../../output.ts';
import { Names, type Shown } from './names.ts';

/** The document of a file, as an object. Throws Failure with what is wrong where. */
function documentOf(file: string): Record<string, unknown> {
  const text = readText(file);
  const { error } = lintPolicy(text);
  if (error)
    throw new Failure({
      code: 'Atelier.BadPolicy',
      status: 400,
      message: `${file}, ${error.path}: ${error.problem}. Allowed: ${error.allowed}.`,
    });
  return JSON.parse(text) as Record<string, unknown>;
}

const own = (policies: readonly Shown[]) => policies.filter(policy => policy.catalog === 'CUSTOMED');

/** `atelier iam policy …`, `explain`, `suggest-policy`. */
export const policyLeaves: readonly Leaf[] = [
  {
    words: 'policy list',
    about: 'list policies and roles',
    options: [
      ['--custom', 'the account’s own alone'],
      ['--system', 'the system-defined alone'],
    ],
    async run({ session, format }, _args, options) {
      const all = await new Names(session).policies();
      const custom = own(all);
      const shown = options.custom ? custom : options.system ? all.filter(policy => !custom.includes(policy)) : all;
      printRows(format, shown, {
        Name: policy => policy.display_name,
        Kind: policy => (policy.catalog === 'CUSTOMED' ? 'custom' : 'system'),
        Service: policy => policy.catalog,
        Description: policy => String(policy.description ?? '').slice(0, 60),
      });
    },
  },
  {
    words: 'policy show',
    about: 'print the document of a policy',
    args: [['<policy>', 'name or id']],
    async run({ session, format }, [name]) {
      const policy = await new Names(session).policy(name!);
      if (format === 'json') printOne(format, policy);
      else process.stdout.write(`${JSON.stringify(policy.policy, null, 2)}\n`);
    },
  },
  {
    words: 'policy create',
    about: 'create a custom policy of a JSON file',
    args: [
      ['<name>', 'name of the policy'],
      ['<file>', 'its document; - reads standard input'],
    ],
    options: [['--description <text>', 'what it is for']],
    example: 'iam policy create Policy3_DenyOperation policy3.json',
    async run({ session, format }, [name, file], { description = '' }) {
      const role = { display_name: name!, type: 'XA' as const, description, policy: documentOf(file!) };
      const answer = await session.call(policyApi.createCustomPolicy, { body: { role } });
      printOne(format, { id: (answer.role as Shown).id, name });
      for (const { path, message } of (answer.role.warnings ?? []) as { path: string; message: string }[]) {
        process.stderr.write(`warning at ${path}: ${message}\n`);
      }
    },
  },
  {
    words: 'policy update',
    about: 'replace the document of a custom policy; it counts at once',
    args: [
      ['<policy>', 'name or id'],
      ['<file>', 'the new document; - reads standard input'],
    ],
    async run({ session, format }, [name, file]) {
      const found = await new Names(session).policy(name!);
      const role = {
        display_name: String(found.display_name),
        type: found.type as 'XA',
        description: String(found.description ?? ''),
        policy: documentOf(file!),
      };
      await session.call(policyApi.updateCustomPolicy, { params: { role_id: found.id }, body: { role } });
      printOne(format, { id: found.id, name: found.display_name });
    },
  },
  {
    words: 'policy delete',
    about: 'delete a custom policy wherever it is granted',
    args: [['<policy>', 'name or id']],
    destroys: true,
    async run({ session }, [name]) {
      const { id } = await new Names(session).policy(name!);
      await session.call(policyApi.deleteCustomPolicy, { params: { role_id: id } });
      process.stderr.write(`Policy ${name} is deleted.\n`);
    },
  },
  {
    words: 'policy lint',
    about: 'check policy files without a platform: what is wrong where, and what is probably a mistake',
    args: [['<file...>', 'JSON files; - reads standard input']],
    example: 'iam policy lint policy1.json policy2.json',
    async run({ format }, files) {
      const findings = files.flatMap(file => {
        const { error, warnings } = lintPolicy(readText(file));
        return [
          ...(error
            ? [{ file, level: 'error', path: error.path, message: `${error.problem}. Allowed: ${error.allowed}.` }]
            : []),
          ...warnings.map(({ path, message }) => ({ file, level: 'warning', path, message })),
        ];
      });
      if (format === 'json') printRows(format, findings, {});
      else {
        for (const { file, level, path, message } of findings)
          process.stdout.write(`${file}: ${level} at ${path}: ${message}\n`);
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
      ['--days <n>', 'of how many days', '30'],
    ],
    example: 'iam suggest-policy --user ann --days 7 > least.json',
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
