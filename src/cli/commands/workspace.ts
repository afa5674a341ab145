import { Option } from 'commander';
import * as workspaceApi from '../../resources/workspaces/workspace.api.ts';
import { calling, type Leaf, type Options } from '../leaves.ts';
import { Names, type Shown } from '../names.ts';
import { badArgument, nameAndValue, wholeNumber } from '../options.ts';
import { printRows } from '../output.ts';

interface Entry {
  user_id?: string;
  user_name?: string;
  user_type?: string;
}

const theWorkspace = ['<workspace>', 'name or id; 0 is the default one'] as const;
const authType = new Option(
  '--auth <type>',
  'who may enter: the account, its creator, or its creator and who is granted',
).choices(['public', 'private', 'internal']);
const people = [
  ['--user <name...>', 'IAM users'],
  ['--agency <name...>', 'whoever works through these agencies'],
  ['--federated-user <name...>', 'federated users'],
] as const;

const workspaceId = async (names: Names, [name]: readonly string[]) => ({
  params: { workspace_id: (await names.workspace(name!)).id },
});

/** Those whom the options name, as grants. */
async function entriesOf(names: Names, options: Options): Promise<Entry[]> {
  const { user = [], agency = [], federatedUser = [] } = options as Record<string, string[]>;
  return [
    ...(await Promise.all(user.map(async name => ({ user_type: 'IAM', user_id: (await names.user(name)).id })))),
    ...(await Promise.all(agency.map(async name => ({ user_type: 'AGENCY', user_id: (await names.agency(name)).id })))),
    ...federatedUser.map(user_name => ({ user_type: 'FEDERATE', user_name })),
  ];
}

const isSame = (one: Entry, other: Entry) =>
  one.user_id !== undefined && other.user_id !== undefined
    ? one.user_id === other.user_id
    : one.user_name === other.user_name && one.user_type === other.user_type;

/** Lets people in or out: the grants are sent as a whole, so those that are there are asked for first. */
function granting(word: 'grant' | 'revoke', about: string): Leaf {
  return {
    words: word,
    about,
    args: [theWorkspace],
    options: people,
    example: `workspace ${word} vision-lab --user ann ben`,
    operations: [workspaceApi.showWorkspace, workspaceApi.updateWorkspace],
    async run({ session, format }, args, options) {
      const names = new Names(session);
      const given = await entriesOf(names, options);
      if (given.length === 0) throw badArgument('Whom?', 'Give --user, --agency or --federated-user.');
      const { params } = await workspaceId(names, args);
      const { grants, auth_type } = await session.call(workspaceApi.showWorkspace, { params });
      const others = grants.filter(entry => !given.some(each => isSame(entry, each)));
      const next = word === 'grant' ? [...others, ...given] : others;
      await session.call(workspaceApi.updateWorkspace, { params, body: { grants: next } });
      if (auth_type !== 'INTERNAL') {
        process.stderr.write(`Grants count in internal workspaces alone; this one is ${auth_type.toLowerCase()}.\n`);
      }
      const after = await session.call(workspaceApi.showWorkspace, { params });
      printRows(format, after.grants as Entry[], grantColumns);
    },
  };
}

const grantColumns = {
  User: (entry: Entry) => entry.user_name,
  Type: (entry: Entry) => entry.user_type,
  Id: (entry: Entry) => entry.user_id,
};

/** `atelier workspace …` */
export const workspaceLeaves: readonly Leaf[] = [
  calling(workspaceApi.listWorkspaces, {
    words: 'list',
    options: [
      ['--accessible', 'those that the caller may enter alone'],
      ['--name <text>', 'whose name contains it'],
      ['--enterprise-project <name>', 'of this enterprise project'],
    ],
    example: 'workspace list --accessible',
    async input(names, _args, { accessible, name, enterpriseProject }) {
      const query = {
        ...(accessible ? { filter_accessible: true } : {}),
        ...(name ? { name } : {}),
        ...(enterpriseProject ? { enterprise_project_id: (await names.enterpriseProject(enterpriseProject)).id } : {}),
      };
      return { query };
    },
    pageSize: 1000,
    rows: answer => answer.workspaces,
    columns: {
      Name: row => row.name,
      Auth: row => row.auth_type,
      Owner: row => row.owner,
      'Enterprise project': row => row.enterprise_project_name,
      Status: row => row.status,
      Id: row => row.id,
    },
  }),
  calling(workspaceApi.showWorkspace, {
    words: 'show',
    args: [theWorkspace],
    example: 'workspace show vision-lab',
    input: workspaceId,
    one: answer => answer,
  }),
  calling(workspaceApi.createWorkspace, {
    words: 'create',
    args: [['<name>', '4 to 64 letters, digits, - or _']],
    options: [
      authType,
      ...people,
      ['--enterprise-project <name>', 'that it is bound to from then on'],
      ['--description <text>', 'what it is for'],
    ],
    example: 'workspace create vision-lab --auth internal --user ann',
    async input(names, [name], options) {
      const { auth, enterpriseProject, description } = options;
      const grants = await entriesOf(names, options);
      const body = {
        name: name!,
        ...(auth ? { auth_type: String(auth).toUpperCase() } : {}),
        ...(grants.length > 0 ? { grants } : {}),
        ...(enterpriseProject ? { enterprise_project_id: (await names.enterpriseProject(enterpriseProject)).id } : {}),
        ...(description ? { description } : {}),
      };
      return { body };
    },
    one: ({ id, name, auth_type, grants, enterprise_project_name }) => ({
      id,
      name,
      auth_type,
      grants,
      enterprise_project_name,
    }),
  }),
  calling(workspaceApi.updateWorkspace, {
    words: 'update',
    args: [theWorkspace],
    options: [['--name <name>', 'another name'], authType, ['--description <text>', 'what it is for']],
    example: 'workspace update vision-lab --auth private',
    async input(names, args, { name, auth, description }) {
      const body = {
        ...(name ? { name } : {}),
        ...(auth ? { auth_type: String(auth).toUpperCase() } : {}),
        ...(description === undefined ? {} : { description }),
      };
      return { ...(await workspaceId(names, args)), body };
    },
    done: ([name]) => `Workspace ${name} is changed.`,
  }),
  granting('grant', 'let people into an internal workspace'),
  granting('revoke', 'keep people out of a workspace again'),
  calling(workspaceApi.deleteWorkspace, {
    words: 'delete',
    args: [theWorkspace],
    example: 'workspace delete vision-lab',
    destroys: true,
    input: workspaceId,
    done: ([name]) =>
      `Workspace ${name} is being deleted with what is in it; atelier workspace list shows how far it is.`,
  }),
  calling(workspaceApi.listWorkspaceQuotas, {
    words: 'quotas',
    args: [theWorkspace],
    example: 'workspace quotas vision-lab',
    input: workspaceId,
    rows: answer => answer.quotas,
    columns: {
      Resource: row => row.resource,
      What: row => row.name_en,
      Used: row => row.used_quota,
      Quota: row => (row.quota === -1 ? 'no limit' : row.quota),
      Most: row => row.max_quota,
      Unit: row => row.unit_en,
    },
  }),
  calling(workspaceApi.updateWorkspaceQuotas, {
    words: 'set-quota',
    args: [theWorkspace, ['<resource=value...>', 'the resource of `workspace quotas` and its quota; none: no limit']],
    example: 'workspace set-quota vision-lab exemlProject.gpu_duration=600',
    async input(names, [name, ...settings]) {
      const quotas = settings.map(text => {
        const [resource, value] = nameAndValue(text, 'resource=value');
        return { resource, quota: value === 'none' ? -1 : wholeNumber(0)(value) };
      });
      return { ...(await workspaceId(names, [name!])), body: { quotas } };
    },
    done: ([name]) => `The quotas of workspace ${name} are set.`,
  }),
  calling(workspaceApi.validateAuthorization, {
    words: 'auth',
    about: 'tell what one may do in a workspace oneself, and why, without doing it',
    args: [theWorkspace, ['<action...>', 'e.g. modelarts:trainJob:create']],
    options: [['--pool-type <type>', 'public or dedicated']],
    example: 'workspace auth vision-lab modelarts:trainJob:create modelarts:service:create --pool-type public',
    async input(names, [name, ...actions], { poolType }) {
      const requests = actions.map((action, at) => ({
        action_id: String(at + 1),
        action,
        ...(poolType ? { service_attributes: { 'modelarts:poolType': String(poolType) } } : {}),
      }));
      return { ...(await workspaceId(names, [name!])), body: { requests } };
    },
    rows: answer => answer.results,
    columns: {
      Action: row => row.action,
      Verdict: row => row.verdict,
      Why: row => (row.cause as Shown[]).map(each => each.reason).join(' '),
    },
  }),
];
