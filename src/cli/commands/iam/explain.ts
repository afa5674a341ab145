import * as explainApi from '../../../resources/iam/explain.api.ts';
import * as workspaceApi from '../../../resources/workspaces/workspace.api.ts';
import type { Leaf } from '../../leaves.ts';
import { Names } from '../../names.ts';
import { badArgument, nameAndValue, repeatable } from '../../options.ts';
import { printOne } from '../../output.ts';

interface Explained {
  verdict: string;
  reason: string;
  policy?: string | undefined;
  statement?: number | undefined;
  conditions?: { key: string; operator: string; value: string[] }[] | undefined;
}

interface Question {
  action: string;
  resource?: string;
  attributes: Record<string, string>;
}

/** `atelier iam explain` */
export const explainLeaves: readonly Leaf[] = [
  {
    words: 'explain',
    about: 'tell whether somebody may do something, and which policy decides: oneself, or a user or an agency',
    required: [['--action <action>', 'e.g. modelarts:trainJob:create']],
    options: [
      ['--user <name>', 'IAM user; oneself when absent'],
      ['--agency <name>', 'agency'],
      ['--resource <resource>', 'service:region:account:type:path; all of the type when absent'],
      ['--pool-type <type>', 'public or dedicated: where a job, notebook or service would run'],
      repeatable('--attribute <key=value>', 'another condition key of the request'),
      ['--project <name>', 'in this project; of a user or an agency'],
      ['--enterprise-project <name>', 'in workspaces of this enterprise project; of a user or an agency'],
      ['--workspace <name>', 'in this workspace; of oneself'],
    ],
    example: 'iam explain --user ann --action modelarts:trainJob:create --pool-type public',
    operations: [workspaceApi.validateAuthorization, explainApi.explainAccess],
    async run({ session, format }, _args, options) {
      const { action, resource, poolType, user, agency } = options;
      if (user && agency) throw badArgument('Of whom?', 'Give --user or --agency, or neither to ask about yourself.');
      const attributes = {
        ...(poolType ? { 'modelarts:poolType': String(poolType) } : {}),
        ...Object.fromEntries((options.attribute as string[]).map(text => nameAndValue(text, 'key=value'))),
      };
      const question = { action, attributes, ...(resource ? { resource } : {}) };
      const names = new Names(session);
      const answer =
        user || agency ? await ofOthers(names, question, options) : await ofOneself(names, question, options);
      if (format === 'json') {
        printOne(format, { ...answer });
        return;
      }
      const conditions = (answer.conditions ?? []).map(
        ({ key, operator, value }) => `${operator} ${key} [${value.join(', ')}]`,
      );
      const statement = answer.statement === undefined ? '' : `, Statement[${answer.statement}]`;
      printOne(format, {
        verdict: answer.verdict,
        ...(answer.policy ? { policy: `${answer.policy}${statement}` } : {}),
        ...(conditions.length > 0 ? { conditions: conditions.join('; ') } : {}),
        reason: answer.reason,
      });
    },
  },
];

async function ofOthers(
  names: Names,
  { action, resource, attributes }: Question,
  { user, agency, project, enterpriseProject }: Record<string, string | undefined>,
): Promise<Explained> {
  const body = {
    ...(user ? { user_id: (await names.user(user)).id } : { agency_id: (await names.agency(agency!)).id }),
    action,
    attributes,
    ...(resource ? { resource } : {}),
    ...(project ? { project_id: (await names.project(project)).id } : {}),
    ...(enterpriseProject ? { enterprise_project_id: (await names.enterpriseProject(enterpriseProject)).id } : {}),
  };
  const { policy_name, ...answer } = await names.session.call(explainApi.explainAccess, { body });
  return { ...answer, policy: policy_name };
}

/** Whoever asks about itself needs no permission. */
async function ofOneself(
  names: Names,
  { action, resource, attributes }: Question,
  { workspace }: Record<string, string | undefined>,
): Promise<Explained> {
  const workspace_id = workspace ? (await names.workspace(workspace)).id : '0';
  const asked = { action_id: '1', action, service_attributes: attributes, ...(resource ? { resource } : {}) };
  const { results } = await names.session.call(workspaceApi.validateAuthorization, {
    params: { workspace_id },
    body: { requests: [asked] },
  });
  const { verdict, cause } = results[0]!;
  return {
    verdict: String(verdict),
    reason: cause.map(each => each.reason).join(' '),
    policy: cause.map(each => each.policy_name).find(name => name !== ''),
    conditions: cause.flatMap(each => each.condition),
  };
}
