import * as authorizationApi from '../../../resources/authorizations/authorization.api.ts';
import * as accountApi from '../../../resources/iam/account.api.ts';
import * as grantApi from '../../../resources/iam/grant.api.ts';
import * as policyApi from '../../../resources/iam/policy.api.ts';
import type { Leaf } from '../../leaves.ts';
import { badArgument } from '../../options.ts';
import { printOne, printRows } from '../../output.ts';
import { Names, type Shown } from './names.ts';

/** Whom an entry is for, as the API takes it. */
async function subjectOf(names: Names, options: Record<string, string | boolean | undefined>) {
  const { user, agencyUser, federated, federatedGroup, all } = options;
  if ([user, agencyUser, federated, federatedGroup, all].filter(Boolean).length !== 1) {
    throw badArgument(
      'Whom is it for?',
      'Give one of --user, --agency-user, --federated, --federated-group and --all.',
    );
  }
  if (user) return { user_type: 'iam', user_id: (await names.user(String(user))).id } as const;
  if (agencyUser) return { user_type: 'grant', user_id: (await names.agency(String(agencyUser))).id } as const;
  if (federated) return { user_type: 'federate', user_name: String(federated) } as const;
  if (federatedGroup)
    return { user_type: 'federation-group', user_id: (await names.group(String(federatedGroup))).id } as const;
  return { user_id: 'all' } as const;
}

const whom = [
  ['--user <name>', 'an IAM user'],
  ['--agency-user <name>', 'whoever works through this agency from another account'],
  ['--federated <name>', 'a federated user'],
  ['--federated-group <name>', 'the federated users of a group'],
  ['--all', 'all users, also those created later'],
] as const;

/** `atelier iam authorization …`, `mode` */
export const authorizationLeaves: readonly Leaf[] = [
  {
    words: 'authorization list',
    about: 'list by which agencies the platform acts for whom',
    async run({ session, format }) {
      const { auth } = await session.call(authorizationApi.listAuthorizations);
      printRows(format, auth, {
        'Authorized user': row => row.user_name,
        Type: row => row.user_type,
        Agency: row => row.content,
        Since: row => new Date(row.create_time).toISOString(),
      });
    },
  },
  {
    words: 'authorization add',
    about:
      'let the platform act for a user, or for all, by an agency: an existing one, or a new one with these permissions',
    options: [
      ...whom,
      ['--agency <name>', 'existing agency'],
      [
        '--new-agency <suffix>',
        'make ma_agency_<suffix>, with the permissions of a common user unless --policy is given',
      ],
      ['--policy <name...>', 'permissions of the new agency (Custom)'],
    ],
    example: 'iam authorization add --user ann --new-agency develop_user --policy "OBS Administrator"',
    async run({ session, format }, _args, options) {
      const names = new Names(session);
      const subject = await subjectOf(names, options);
      const { agency, newAgency, policy } = options;
      if (!agency === !newAgency) throw badArgument('By which agency?', 'Give either --agency or --new-agency.');
      if (agency && policy)
        throw badArgument('--policy is for a new agency.', 'Grant to the existing one: iam grant add --agency.');
      const content = agency ?? (await newAgencyOf(names, newAgency, policy));
      await session.call(authorizationApi.createAuthorization, { body: { ...subject, type: 'agency', content } });
      printOne(format, { authorized: Object.values(subject).at(-1), agency: content });
    },
  },
  {
    words: 'authorization permissions',
    about: 'view the permissions of the agency that acts for a user, or for all',
    options: [...whom],
    async run({ session, format }, _args, options) {
      const names = new Names(session);
      const subject = await subjectOf(names, options);
      const { auth } = await session.call(authorizationApi.listAuthorizations);
      const wanted =
        'user_name' in subject ? subject.user_name : subject.user_id === 'all' ? 'all-users' : subject.user_id;
      const entry = auth.find(row => row.user_id === wanted || row.user_name === wanted);
      if (!entry) throw badArgument('There is no such authorization.', 'iam authorization list shows all.');
      const params = { domain_id: await names.account(), agency_id: (await names.agency(entry.content)).id };
      const { roles } = await session.call(grantApi.allGrantsOfAgency.list, { params: params as never });
      printRows(format, roles as Shown[], { Name: role => role.display_name, Description: role => role.description });
    },
  },
  {
    words: 'authorization delete',
    about: 'take the authorization of a user, or the one for all, away',
    options: [...whom],
    destroys: true,
    async run({ session }, _args, options) {
      const subject = await subjectOf(new Names(session), options);
      const user_id = 'user_id' in subject ? subject.user_id : `federate:${subject.user_name}`;
      await session.call(authorizationApi.deleteAuthorization, { query: { user_id } });
      process.stderr.write('The authorization is deleted.\n');
    },
  },
  {
    words: 'mode',
    about: 'show or set the authorization mode: strict (what nobody granted is refused), or loose for ModelArts',
    args: [['[mode]', 'strict or loose; shown when absent']],
    async run({ session, format }, [mode]) {
      if (mode !== undefined && mode !== 'strict' && mode !== 'loose')
        throw badArgument(`"${mode}" is not a mode.`, 'Give strict or loose.');
      const answer = mode
        ? await session.call(accountApi.updateAuthMode, { body: { mode } })
        : await session.call(accountApi.showAuthMode);
      printOne(format, answer);
    },
  },
];

async function newAgencyOf(names: Names, suffix: string, policies: string[] | undefined): Promise<string> {
  const { session } = names;
  if (!policies)
    return (await session.call(authorizationApi.createAgency, { body: { agency_name_suffix: suffix } })).agency_name;
  const roles = await Promise.all(policies.map(each => names.policy(each)));
  const domain_id = await names.account();
  const agency = { name: `ma_agency_${suffix}`, domain_id, trust_domain_name: 'op_svc_modelarts', duration: 'FOREVER' };
  const { id } = (await session.call(policyApi.createAgency, { body: { agency } })).agency as Shown;
  for (const role of roles) {
    await session.call(grantApi.allGrantsOfAgency.grant, { params: { domain_id, agency_id: id, role_id: role.id } });
  }
  return agency.name;
}
