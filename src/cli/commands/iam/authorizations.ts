import { Argument } from 'commander';
import * as authorizationApi from '../../../resources/authorizations/authorization.api.ts';
import * as accountApi from '../../../resources/iam/account.api.ts';
import * as grantApi from '../../../resources/iam/grant.api.ts';
import * as policyApi from '../../../resources/iam/policy.api.ts';
import { calling, type Leaf, type Options } from '../../leaves.ts';
import { Names, type Shown } from '../../names.ts';
import { badArgument } from '../../options.ts';
import { printOne, printRows } from '../../output.ts';
import { createAgency, permissionColumns } from './agencies.ts';

/** Whom an entry is for: as the API takes it, as it is found in the list, and for people. */
interface Subject {
  body: { user_type?: 'iam' | 'grant' | 'federate' | 'federation-group'; user_id?: string; user_name?: string };
  isOf(row: Entry): boolean;
  name: string;
}

interface Entry {
  user_id: string;
  user_name: string;
  user_type: string;
  content: string;
}

/** The kinds of users, by the option that names one. */
const KINDS = {
  user: { user_type: 'iam', find: (names: Names, name: string) => names.user(name) },
  agencyUser: { user_type: 'grant', find: (names: Names, name: string) => names.agency(name) },
  federatedGroup: { user_type: 'federation-group', find: (names: Names, name: string) => names.group(name) },
} as const;

const whom = [
  ['--user <name>', 'an IAM user'],
  ['--agency-user <name>', 'whoever works through this agency from another account'],
  ['--federated-user <name>', 'a federated user'],
  ['--federated-group <name>', 'the federated users of a group'],
  ['--all', 'all users, also those created later'],
] as const;

async function subjectOf(names: Names, options: Options): Promise<Subject> {
  const { federatedUser, all } = options;
  const kind = (['user', 'agencyUser', 'federatedGroup'] as const).find(each => options[each]);
  if ([options.user, options.agencyUser, options.federatedGroup, federatedUser, all].filter(Boolean).length !== 1) {
    throw badArgument(
      'Whom is it for?',
      'Give one of --user, --agency-user, --federated-user, --federated-group and --all.',
    );
  }
  if (kind) {
    const { user_type, find } = KINDS[kind];
    const { id, name } = await find(names, options[kind]);
    return { body: { user_type, user_id: id }, isOf: row => row.user_id === id, name };
  }
  if (federatedUser) {
    const isOf = (row: Entry) => row.user_type === 'federate' && row.user_name === federatedUser;
    return { body: { user_type: 'federate', user_name: federatedUser }, isOf, name: federatedUser };
  }
  return { body: { user_id: 'all' }, isOf: row => row.user_id === 'all-users', name: 'all users' };
}

async function entryOf(names: Names, subject: Subject): Promise<Entry> {
  const { auth } = await names.session.call(authorizationApi.listAuthorizations);
  const entry = auth.find(subject.isOf);
  if (entry) return entry;
  throw badArgument(`There is no authorization for ${subject.name}.`, 'iam authorization list shows all.');
}

/** `atelier iam authorization …`, `mode` */
export const authorizationLeaves: readonly Leaf[] = [
  calling(authorizationApi.listAuthorizations, {
    words: 'authorization list',
    about: 'list by which agencies the platform acts for whom',
    example: 'iam authorization list',
    pageSize: 1000,
    rows: answer => answer.auth,
    columns: {
      'Authorized user': row => row.user_name,
      Type: row => row.user_type,
      Agency: row => row.content,
      Since: row => new Date(Number(row.create_time)).toISOString().slice(0, 19),
    },
  }),
  {
    words: 'authorization add',
    about: 'let the platform act for a user, or for all, by an agency: an existing one, or a new one',
    options: [
      ...whom,
      ['--agency <name>', 'existing agency'],
      ['--new-agency <suffix>', 'make ma_agency_<suffix>; a Common User, unless --policy is given'],
      ['--policy <name...>', 'permissions of the new agency (Custom)'],
    ],
    example: 'iam authorization add --user ann --new-agency develop_user --policy "OBS Administrator"',
    operations: [
      authorizationApi.createAuthorization,
      authorizationApi.createAgency,
      policyApi.createAgency,
      grantApi.allGrantsOfAgency.grant,
    ],
    async run({ session, format }, _args, options) {
      const names = new Names(session);
      const { agency, newAgency, policy } = options;
      if (!agency === !newAgency) throw badArgument('By which agency?', 'Give either --agency or --new-agency.');
      if (agency && policy) {
        throw badArgument('--policy is for a new agency.', 'Grant to the existing one: iam grant add --agency.');
      }
      const subject = await subjectOf(names, options);
      const content = agency ?? (await newAgencyOf(names, newAgency, policy));
      await session.call(authorizationApi.createAuthorization, {
        body: { ...subject.body, type: 'agency', content },
      });
      printOne(format, { authorized: subject.name, agency: content });
    },
  },
  {
    words: 'authorization permissions',
    about: 'view the permissions of the agency that acts for a user, or for all',
    options: [...whom],
    example: 'iam authorization permissions --user ann',
    operations: [authorizationApi.listAuthorizations, grantApi.allGrantsOfAgency.list],
    async run({ session, format }, _args, options) {
      const names = new Names(session);
      const { content } = await entryOf(names, await subjectOf(names, options));
      const params = { domain_id: await names.account(), agency_id: (await names.agency(content)).id };
      const { roles } = await session.call(grantApi.allGrantsOfAgency.list, { params: params as never });
      printRows(format, roles as Shown[], permissionColumns);
    },
  },
  {
    words: 'authorization delete',
    about: 'take the authorization of a user, or the one for all, away',
    options: [...whom],
    example: 'iam authorization delete --user ann',
    destroys: true,
    operations: [authorizationApi.listAuthorizations, authorizationApi.deleteAuthorization],
    async run({ session }, _args, options) {
      const names = new Names(session);
      const subject = await subjectOf(names, options);
      const { user_id } = await entryOf(names, subject);
      await session.call(authorizationApi.deleteAuthorization, { query: { user_id } });
      process.stderr.write(`The authorization for ${subject.name} is deleted.\n`);
    },
  },
  {
    words: 'mode',
    about: 'show or set the authorization mode: strict (what nobody granted is refused), or loose for ModelArts',
    args: [new Argument('[mode]', 'shown when absent').choices(['strict', 'loose'])],
    example: 'iam mode strict',
    operations: [accountApi.showAuthMode, accountApi.updateAuthMode],
    async run({ session, format }, [mode]) {
      const answer = mode
        ? await session.call(accountApi.updateAuthMode, { body: { mode: mode as 'strict' } })
        : await session.call(accountApi.showAuthMode);
      printOne(format, answer);
    },
  },
];

async function newAgencyOf(names: Names, suffix: string, policies: string[] | undefined): Promise<string> {
  if (policies) return (await createAgency(names, { name: `ma_agency_${suffix}`, policies })).name;
  const { session } = names;
  return (await session.call(authorizationApi.createAgency, { body: { agency_name_suffix: suffix } })).agency_name;
}
