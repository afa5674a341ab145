import { type Profile, Session } from '../../../client/session.ts';
import * as grantApi from '../../../resources/iam/grant.api.ts';
import * as policyApi from '../../../resources/iam/policy.api.ts';
import * as tokenApi from '../../../resources/iam/token.api.ts';
import { calling, type Leaf } from '../../leaves.ts';
import { Names, type Shown } from '../../names.ts';
import { printOne } from '../../output.ts';
import { saveProfile } from '../../profile.ts';
import { findProject, temporaryKey, tokenProfile } from '../../token-profile.ts';

/** What an agency trusts that the platform assumes by itself. */
const PLATFORM = 'op_svc_modelarts';
const DAY_SECONDS = 86_400;

const theAgency = [['<agency>', 'name or id']] as const;
const duration = ['--duration <time>', 'FOREVER, ONEDAY, or a number of days'] as const;

/** What an agency holds, for people. */
export const permissionColumns = {
  Name: (role: Shown) => role.display_name,
  Type: (role: Shown) => {
    if (role.catalog === 'CUSTOMED') return 'Custom policy';
    const { Version } = role.policy as { Version: string };
    return Version === '1.0' ? 'System-defined role' : 'System-defined policy';
  },
  Description: (role: Shown) => role.description,
};

/** Creates an agency and grants it policies for all resources. The policies are looked up first: nothing is made when one is missing. */
export async function createAgency(
  names: Names,
  input: { name: string; trust?: string; duration?: string; description?: string; policies: readonly string[] },
): Promise<Shown> {
  const { session } = names;
  const { name, trust = PLATFORM, duration = 'FOREVER', description, policies } = input;
  const roles = await Promise.all(policies.map(each => names.policy(each)));
  const domain_id = await names.account();
  const agency = { name, domain_id, trust_domain_name: trust, duration, ...(description ? { description } : {}) };
  const made = (await session.call(policyApi.createAgency, { body: { agency } })).agency as Shown;
  for (const { id: role_id } of roles) {
    await session.call(grantApi.allGrantsOfAgency.grant, { params: { domain_id, agency_id: made.id, role_id } });
  }
  return made;
}

/** `atelier iam agency …`, `switch-role` */
export const agencyLeaves: readonly Leaf[] = [
  calling(policyApi.listAgencies, {
    words: 'agency list',
    example: 'iam agency list',
    rows: answer => answer.agencies,
    columns: {
      Name: agency => agency.name,
      Trusts: agency => agency.trust_domain_name,
      Duration: agency => agency.duration,
      Expires: agency => String(agency.expire_time ?? '').slice(0, 19) || null,
      Id: agency => agency.id,
    },
  }),
  calling(policyApi.showAgency, {
    words: 'agency show',
    args: theAgency,
    example: 'iam agency show ma_agency_default',
    input: async (names, [name]) => ({ params: { agency_id: (await names.agency(name!)).id } }),
    one: answer => answer.agency,
  }),
  {
    words: 'agency create',
    about: 'create an agency: for the platform, or for another account to work in this one',
    args: [['<name>', 'name of the agency']],
    options: [
      ['--trust <account>', 'account that may use it; the platform when absent'],
      [...duration, 'FOREVER'],
      ['--policy <name...>', 'policies it gets for all resources'],
      ['--description <text>', 'what it is for'],
    ],
    example: 'iam agency create ma_agency_develop_user --policy "OBS Administrator"',
    operations: [policyApi.createAgency, grantApi.allGrantsOfAgency.grant],
    async run({ session, format }, [name], { policy: policies = [], ...rest }) {
      const made = await createAgency(new Names(session), { name: name!, policies, ...rest });
      printOne(format, { id: made.id, name, trusts: made.trust_domain_name, policies: policies.join(', ') });
    },
  },
  calling(policyApi.updateAgency, {
    words: 'agency update',
    about: 'change an agency; a new duration counts from now',
    args: theAgency,
    options: [
      duration,
      ['--trust <account>', 'another account; ends what was issued for the former one'],
      ['--description <text>', 'what it is for'],
    ],
    example: 'iam agency update for-beta --duration 30',
    input: async (names, [name], { duration, trust, description }) => ({
      params: { agency_id: (await names.agency(name!)).id },
      body: {
        agency: {
          ...(duration ? { duration } : {}),
          ...(trust ? { trust_domain_name: trust } : {}),
          ...(description === undefined ? {} : { description }),
        },
      },
    }),
    one: answer => answer.agency,
  }),
  calling(grantApi.allGrantsOfAgency.list, {
    words: 'agency permissions',
    about: 'list the policies that an agency holds for all resources',
    args: theAgency,
    example: 'iam agency permissions ma_agency_default',
    input: async (names, [name]) => ({
      params: { domain_id: await names.account(), agency_id: (await names.agency(name!)).id },
    }),
    rows: answer => answer.roles,
    columns: permissionColumns,
  }),
  calling(policyApi.deleteAgency, {
    words: 'agency delete',
    about: 'delete an agency; what was issued for it ends at once',
    args: theAgency,
    example: 'iam agency delete for-beta',
    destroys: true,
    input: async (names, [name]) => ({ params: { agency_id: (await names.agency(name!)).id } }),
    done: ([name]) => `Agency ${name} is deleted.`,
  }),
  {
    words: 'switch-role',
    about: 'work in another account through an agency of it, and save that as a profile',
    args: [['<agency>', 'name of the agency there']],
    required: [['--account <name>', 'account whose agency it is']],
    options: [['--name <profile>', 'name to save it under', 'switched']],
    example: 'iam switch-role for-beta --account alpha --name alpha',
    operations: [tokenApi.createToken],
    async run({ session }, [agency], { account, name }) {
      const profile = await switchedProfile(session, { agency_name: agency!, domain_name: account });
      saveProfile(name, profile);
      process.stderr.write(
        `Working in account ${account} as ${agency}, for 24 hours; saved as profile "${name}", the current one now.\n`,
      );
    },
  },
];

/** A login as an agency, by a token, or by keys alone where the caller has nothing else. */
async function switchedProfile(session: Session, role: { agency_name: string; domain_name: string }): Promise<Profile> {
  const { endpoints, region, user, key, token, password } = session.profile;
  const who = {
    endpoints,
    region,
    account: role.domain_name,
    user: role.agency_name,
    switchedBy: user ?? 'access key',
  };
  const identity = { methods: ['assume_role'], assume_role: role };
  if (key && !token && !password) {
    const assume_role = { ...role, duration_seconds: DAY_SECONDS };
    const temporary = await temporaryKey(session, { ...identity, assume_role });
    const profile = { ...who, key: temporary, projectId: '' };
    return { ...profile, projectId: await findProject(new Session(profile), region) };
  }
  const answer = await session.request('POST', tokenApi.createToken.path, {
    headers: { 'x-auth-token': await session.token() },
    body: { auth: { identity, scope: { project: { name: region } } } },
  });
  return tokenProfile({ ...who, token: answer.headers.get('x-subject-token')! });
}
