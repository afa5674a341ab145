import type { Session } from '../../../client/session.ts';
import * as assignmentApi from '../../../resources/iam/assignment.api.ts';
import * as grantApi from '../../../resources/iam/grant.api.ts';
import type { Leaf, Options } from '../../leaves.ts';
import { badArgument } from '../../options.ts';
import { printRows } from '../../output.ts';
import { Names, type Shown } from './names.ts';

type Kind = 'group' | 'agency' | 'user';

interface Holder {
  kind: Kind;
  id: string;
  name: string;
}

const subject = [
  ['--group <name>', 'user group'],
  ['--agency <name>', 'agency'],
  ['--user <name>', 'IAM user; in an enterprise project alone'],
] as const;
const scope = [
  ['--project <name>', 'in this project of a region alone'],
  ['--enterprise-project <id>', 'in this enterprise project alone'],
] as const;

async function holderOf(names: Names, options: Options): Promise<Holder> {
  const given = (['group', 'agency', 'user'] as const).filter(kind => options[kind] !== undefined);
  const [kind] = given;
  if (given.length !== 1 || !kind) throw badArgument('To whom?', 'Give one of --group, --agency and --user.');
  const { id, name } = await names[kind](options[kind]);
  return { kind, id, name };
}

/** The operations on grants of groups and agencies differ in their paths alone. */
type GrantSet = typeof grantApi.allGrantsOfGroup;

async function setGrant(session: Session, options: Options, granted: boolean): Promise<void> {
  const names = new Names(session);
  const holder = await holderOf(names, options);
  const word = granted ? 'grant' : 'revoke';
  if (options.project && options.enterpriseProject)
    throw badArgument('Where?', 'Give --project or --enterprise-project, or neither for all resources.');
  const policies = await names.policies();
  for (const wanted of options.policy.length > 0 ? options.policy : [undefined]) {
    if (wanted === undefined) throw badArgument('Which policy?', 'Give --policy, once or several times.');
    const { id: role_id, display_name } =
      policies.find(policy => policy.id === wanted || policy.display_name === wanted) ?? (await names.policy(wanted));
    await setOne(session, names, holder, role_id, options, word);
    const where = options.project
      ? `in project ${options.project}`
      : options.enterpriseProject
        ? `in enterprise project ${options.enterpriseProject}`
        : 'for all resources';
    process.stderr.write(
      `${display_name} is ${granted ? 'granted to' : 'revoked from'} ${holder.kind} ${holder.name} ${where}.\n`,
    );
  }
}

async function setOne(
  session: Session,
  names: Names,
  holder: Holder,
  role_id: string,
  options: Options,
  word: 'grant' | 'revoke',
): Promise<void> {
  const { kind, id } = holder;
  const { enterpriseProject, project } = options;
  if (enterpriseProject) {
    const enterprise_project_id = enterpriseProject as string;
    if (kind === 'agency') {
      const operation = word === 'grant' ? assignmentApi.grantAgencyRoles : assignmentApi.revokeAgencyRoles;
      await session.call(operation as typeof assignmentApi.grantAgencyRoles, {
        body: { role_assignments: [{ agency_id: id, enterprise_project_id, role_id }] },
      });
      return;
    }
    const operation =
      kind === 'group'
        ? { grant: assignmentApi.grantGroupRole, revoke: assignmentApi.revokeGroupRole }[word]
        : { grant: assignmentApi.grantUserRole, revoke: assignmentApi.revokeUserRole }[word];
    const params = { enterprise_project_id, role_id, [`${kind}_id`]: id };
    await session.call(operation as typeof assignmentApi.grantGroupRole, { params: params as never });
    return;
  }
  if (kind === 'user')
    throw badArgument('A user holds permissions in enterprise projects alone.', 'Grant them to a group of the user.');
  const set = project
    ? { group: grantApi.projectGrantsOfGroup, agency: grantApi.projectGrantsOfAgency }[kind]
    : { group: grantApi.allGrantsOfGroup, agency: grantApi.allGrantsOfAgency }[kind];
  const params = {
    domain_id: await names.account(),
    ...(project ? { project: (await names.project(project)).id } : {}),
    [`${kind}_id`]: id,
    role_id,
  };
  await session.call((set as GrantSet)[word], { params: params as never });
}

/** `atelier iam grant …` */
export const grantLeaves: readonly Leaf[] = [
  {
    words: 'grant add',
    about:
      'grant policies to a group, an agency or a user: for all resources, in a project, or in an enterprise project',
    options: [['--policy <name...>', 'policies to grant'], ...subject, ...scope],
    example: 'iam grant add --group user_group --policy Policy1_IAM_OBS Policy2_AllowOperation Policy3_DenyOperation',
    run: ({ session }, _args, options) => setGrant(session, { policy: [], ...options }, true),
  },
  {
    words: 'grant remove',
    about: 'take policies from a group, an agency or a user, where they were granted',
    options: [['--policy <name...>', 'policies to revoke'], ...subject, ...scope],
    run: ({ session }, _args, options) => setGrant(session, { policy: [], ...options }, false),
  },
  {
    words: 'grant list',
    about: 'list who holds which policies where',
    options: [...subject],
    async run({ session, format }, _args, options) {
      const names = new Names(session);
      const one = subject.some(([flags]) => options[flags.slice(2).split(' ')[0]!] !== undefined);
      const holder = one ? await holderOf(names, options) : undefined;
      const query = {
        domain_id: await names.account(),
        per_page: 50,
        ...(holder ? { [`subject.${holder.kind}_id`]: holder.id } : {}),
      };
      const rows: Shown[] = [];
      for (let page = 1; ; page++) {
        const answer = await session.call(assignmentApi.listAssignments, { query: { ...query, page } });
        rows.push(...(answer.role_assignments as Shown[]));
        if (rows.length >= answer.total_num || answer.role_assignments.length === 0) break;
      }
      const named = new Map(
        [
          ...(await names.users()),
          ...(await names.groups()),
          ...(await names.agencies()),
          ...(await names.projects()),
          ...(await names.policies()),
        ].map(thing => [thing.id, String(thing.display_name ?? thing.name)]),
      );
      const shown = rows.map(row => {
        const kind = (['group', 'agency', 'user'] as const).find(each => row[each] !== undefined)!;
        const id = (row[kind] as { id: string }).id;
        const [[where, place] = ['', { id: '' }]] = Object.entries(row.scope as Record<string, { id: string }>);
        return {
          holder: `${kind} ${named.get(id) ?? id}`,
          policy: named.get((row.role as { id: string }).id) ?? (row.role as { id: string }).id,
          scope:
            where === 'domain'
              ? row.is_inherited
                ? 'all resources'
                : 'global services'
              : `${where} ${named.get(place.id) ?? place.id}`,
        };
      });
      printRows(format, shown, { Holder: row => row.holder, Policy: row => row.policy, Scope: row => row.scope });
    },
  },
];
