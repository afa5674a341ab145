import type { Session } from '../../../client/session.ts';
import * as assignmentApi from '../../../resources/iam/assignment.api.ts';
import * as grantApi from '../../../resources/iam/grant.api.ts';
import type { Leaf, Options } from '../../leaves.ts';
import { ifAllowed, Names, type Shown } from '../../names.ts';
import { badArgument } from '../../options.ts';
import { printRows } from '../../output.ts';

type Kind = 'group' | 'agency' | 'user';
type Scope = 'all' | 'global' | 'project' | 'enterprise-project';
type Word = 'grant' | 'revoke';

interface Grant {
  holderId: string;
  roleId: string;
  accountId: string;
  /** Of the project or enterprise project. */
  placeId: string;
}

type Send = (session: Session, word: Word, grant: Grant) => Promise<unknown>;

/** The operations on grants of groups and agencies differ in their paths alone. */
function pathOf(set: object, kind: Kind, place?: string): Send {
  return (session, word, { holderId, roleId, accountId, placeId }) => {
    const params = {
      [`${kind}_id`]: holderId,
      role_id: roleId,
      domain_id: accountId,
      ...(place ? { [place]: placeId } : {}),
    };
    return session.call((set as typeof grantApi.allGrantsOfGroup)[word], { params: params as never });
  };
}

/** How each kind of holder is granted policies in each scope; a user holds them in enterprise projects alone. */
const PLACES: Record<Kind, Partial<Record<Scope, Send>>> = {
  group: {
    all: pathOf(grantApi.allGrantsOfGroup, 'group'),
    global: pathOf(grantApi.domainGrantsOfGroup, 'group'),
    project: pathOf(grantApi.projectGrantsOfGroup, 'group', 'project'),
    'enterprise-project': pathOf(
      { grant: assignmentApi.grantGroupRole, revoke: assignmentApi.revokeGroupRole },
      'group',
      'enterprise_project_id',
    ),
  },
  agency: {
    all: pathOf(grantApi.allGrantsOfAgency, 'agency'),
    global: pathOf(grantApi.domainGrantsOfAgency, 'agency'),
    project: pathOf(grantApi.projectGrantsOfAgency, 'agency', 'project'),
    'enterprise-project': (session, word, { holderId, roleId, placeId }) => {
      const operation = word === 'grant' ? assignmentApi.grantAgencyRoles : assignmentApi.revokeAgencyRoles;
      const assignment = { agency_id: holderId, enterprise_project_id: placeId, role_id: roleId };
      return session.call(operation as typeof assignmentApi.grantAgencyRoles, {
        body: { role_assignments: [assignment] },
      });
    },
  },
  user: {
    'enterprise-project': pathOf(
      { grant: assignmentApi.grantUserRole, revoke: assignmentApi.revokeUserRole },
      'user',
      'enterprise_project_id',
    ),
  },
};

const holders = [
  ['--group <name>', 'user group'],
  ['--agency <name>', 'agency'],
  ['--user <name>', 'IAM user; in an enterprise project alone'],
] as const;
const scopes = [
  ['--project <name>', 'in this project of a region alone'],
  ['--enterprise-project <name>', 'in this enterprise project alone'],
  ['--global', 'for global services such as IAM and OBS alone'],
] as const;

async function holderOf(names: Names, options: Options): Promise<Shown & { kind: Kind }> {
  const given = (['group', 'agency', 'user'] as const).filter(kind => options[kind] !== undefined);
  const [kind] = given;
  if (given.length !== 1 || !kind) throw badArgument('Whose grants?', 'Give one of --group, --agency and --user.');
  return { ...(await names[kind](options[kind])), kind };
}

async function placeOf(names: Names, options: Options): Promise<{ scope: Scope; id: string; text: string }> {
  const { project, enterpriseProject, global } = options;
  if ([project, enterpriseProject, global].filter(Boolean).length > 1) {
    throw badArgument('Where?', 'Give one of --project, --enterprise-project and --global, or none for all resources.');
  }
  if (project) return { scope: 'project', id: (await names.project(project)).id, text: `in project ${project}` };
  if (enterpriseProject) {
    const { id } = await names.enterpriseProject(enterpriseProject);
    return { scope: 'enterprise-project', id, text: `in enterprise project ${enterpriseProject}` };
  }
  return global
    ? { scope: 'global', id: '', text: 'for global services' }
    : { scope: 'all', id: '', text: 'for all resources' };
}

async function setGrants(session: Session, options: Options, word: Word): Promise<void> {
  const names = new Names(session);
  const { kind, id: holderId, name } = await holderOf(names, options);
  const place = await placeOf(names, options);
  const send = PLACES[kind][place.scope];
  if (!send) {
    throw badArgument('A user holds permissions in enterprise projects alone.', 'Grant them to a group of the user.');
  }
  const policies = await Promise.all((options.policy as string[]).map(each => names.policy(each)));
  const accountId = await names.account();
  for (const policy of policies) {
    await send(session, word, { holderId, roleId: policy.id, accountId, placeId: place.id });
    const done = word === 'grant' ? 'granted to' : 'revoked from';
    process.stderr.write(`${policy.display_name ?? policy.name} is ${done} ${kind} ${name} ${place.text}.\n`);
  }
}

/** The operations by which policies are granted, or revoked, for the help. */
function operationsOf(word: Word) {
  const { grantGroupRole, grantAgencyRoles, grantUserRole } = assignmentApi;
  const { revokeGroupRole, revokeAgencyRoles, revokeUserRole } = assignmentApi;
  const inEnterpriseProjects =
    word === 'grant'
      ? [grantGroupRole, grantAgencyRoles, grantUserRole]
      : [revokeGroupRole, revokeAgencyRoles, revokeUserRole];
  return [...Object.values(grantApi).map(set => set[word]), ...inEnterpriseProjects];
}

function setting(word: Word, name: string, about: string): Leaf {
  return {
    words: `grant ${name}`,
    about,
    options: [...holders, ...scopes],
    required: [['--policy <name...>', 'policies, by name or id']],
    example: `iam grant ${name} --group user_group --policy Policy1_IAM_OBS Policy3_DenyOperation`,
    operations: operationsOf(word),
    run: ({ session }, _args, options) => setGrants(session, options, word),
  };
}

/** `atelier iam grant …` */
export const grantLeaves: readonly Leaf[] = [
  setting('grant', 'add', 'grant policies: for all resources, in a project, or in an enterprise project'),
  setting('revoke', 'remove', 'take policies away where they were granted'),
  {
    words: 'grant list',
    about: 'list who holds which policies where',
    options: [...holders, ['--policy <name>', 'of this policy alone']],
    example: 'iam grant list --group user_group',
    operations: [assignmentApi.listAssignments],
    async run({ session, format }, _args, options) {
      const names = new Names(session);
      const isOne = options.group || options.agency || options.user;
      const holder = isOne ? await holderOf(names, options) : undefined;
      const query = {
        domain_id: await names.account(),
        per_page: 50,
        ...(holder ? { [`subject.${holder.kind}_id`]: holder.id } : {}),
        ...(options.policy ? { role_id: (await names.policy(options.policy)).id } : {}),
      };
      const rows: Shown[] = [];
      for (let page = 1; ; page++) {
        const answer = await session.call(assignmentApi.listAssignments, { query: { ...query, page } });
        rows.push(...(answer.role_assignments as Shown[]));
        if (rows.length >= answer.total_num || answer.role_assignments.length === 0) break;
      }
      const nameOf = await namesOf(names);
      printRows(
        format,
        rows.map(row => grantView(row, nameOf)),
        { Holder: row => row.holder, Policy: row => row.policy, Scope: row => row.scope },
      );
    },
  },
];

/** What is called how, as far as the caller may look. */
async function namesOf(names: Names): Promise<(id: string) => string> {
  const lists = await Promise.all(
    [
      names.users(),
      names.groups(),
      names.agencies(),
      names.projects(),
      names.policies(),
      names.enterpriseProjects(),
    ].map(ifAllowed),
  );
  const known = new Map(lists.flat().map(thing => [thing.id, String(thing.display_name ?? thing.name)]));
  return id => known.get(id) ?? id;
}

function grantView(row: Shown, nameOf: (id: string) => string) {
  const kind = (['group', 'agency', 'user'] as const).find(each => row[each] !== undefined)!;
  const idOf = (member: unknown) => (member as { id: string }).id;
  const [[where, place] = ['', { id: '' }]] = Object.entries(row.scope as Record<string, { id: string }>);
  const domain = row.is_inherited ? 'all resources' : 'global services';
  return {
    holder: `${kind} ${nameOf(idOf(row[kind]))}`,
    policy: nameOf(idOf(row.role)),
    scope: where === 'domain' ? domain : `${where.replace('_', ' ')} ${nameOf(place.id)}`,
  };
}
