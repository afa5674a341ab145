import * as grantApi from '../../../resources/iam/grant.api.ts';
import * as policyApi from '../../../resources/iam/policy.api.ts';
import * as tokenApi from '../../../resources/iam/token.api.ts';
import * as userApi from '../../../resources/iam/user.api.ts';
import { readText } from '../../ask.ts';
import type { Leaf } from '../../leaves.ts';
import { badArgument, wholeNumber } from '../../options.ts';
import { printOne, printRows } from '../../output.ts';
import { saveProfile } from '../../profile.ts';
import { Names, type Shown } from './names.ts';

/** What an agency trusts that the platform assumes by itself. */
const PLATFORM = 'op_svc_modelarts';

/** `atelier iam agency …`, `key …`, `project …`, `switch-role`, `temporary-key` */
export const agencyLeaves: readonly Leaf[] = [
  {
    words: 'agency list',
    about: 'list agencies',
    async run({ session, format }) {
      printRows(format, await new Names(session).agencies(), {
        Name: agency => agency.name,
        Trusts: agency => agency.trust_domain_name,
        Duration: agency => agency.duration,
        Expires: agency => agency.expire_time,
        Id: agency => agency.id,
      });
    },
  },
  {
    words: 'agency create',
    about: 'create an agency: for the platform, or for another account to work in this one',
    args: [['<name>', 'name of the agency']],
    options: [
      ['--trust <account>', 'account that may use it; the platform when absent'],
      ['--duration <time>', 'FOREVER, ONEDAY, or a number of days', 'FOREVER'],
      ['--policy <name...>', 'policies it gets for all resources'],
      ['--description <text>', 'what it is for'],
    ],
    example: 'iam agency create ma_agency_develop_user --policy "OBS Administrator"',
    async run({ session, format }, [name], { trust, duration, policy = [], description }) {
      const names = new Names(session);
      const domain_id = await names.account();
      const roles = await Promise.all((policy as string[]).map(each => names.policy(each)));
      const agency = {
        name: name!,
        domain_id,
        trust_domain_name: trust ?? PLATFORM,
        duration,
        ...(description ? { description } : {}),
      };
      const made = (await session.call(policyApi.createAgency, { body: { agency } })).agency as Shown;
      for (const { id: role_id } of roles) {
        await session.call(grantApi.allGrantsOfAgency.grant, { params: { domain_id, agency_id: made.id, role_id } });
      }
      printOne(format, {
        id: made.id,
        name,
        trusts: made.trust_domain_name,
        policies: (policy as string[]).join(', '),
      });
    },
  },
  {
    words: 'agency permissions',
    about: 'list the policies that an agency holds for all resources',
    args: [['<agency>', 'name or id']],
    async run({ session, format }, [name]) {
      const names = new Names(session);
      const params = { domain_id: await names.account(), agency_id: (await names.agency(name!)).id };
      const { roles } = await session.call(grantApi.allGrantsOfAgency.list, { params: params as never });
      printRows(format, roles as Shown[], {
        Name: role => role.display_name,
        Type: role =>
          role.catalog === 'CUSTOMED'
            ? 'Custom policy'
            : (role.policy as { Version: string }).Version === '1.0'
              ? 'System-defined role'
              : 'System-defined policy',
        Description: role => role.description,
      });
    },
  },
  {
    words: 'agency update',
    about: 'change an agency; a new duration counts from now',
    args: [['<agency>', 'name or id']],
    options: [
      ['--duration <time>', 'FOREVER, ONEDAY, or a number of days'],
      ['--trust <account>', 'another account; ends what was issued for the former one'],
      ['--description <text>', 'what it is for'],
    ],
    async run({ session, format }, [name], { duration, trust, description }) {
      const { id } = await new Names(session).agency(name!);
      const agency = {
        ...(duration ? { duration } : {}),
        ...(trust ? { trust_domain_name: trust } : {}),
        ...(description === undefined ? {} : { description }),
      };
      const answer = await session.call(policyApi.updateAgency, { params: { agency_id: id }, body: { agency } });
      printOne(format, answer.agency);
    },
  },
  {
    words: 'agency delete',
    about: 'delete an agency; what was issued for it ends at once',
    args: [['<agency>', 'name or id']],
    destroys: true,
    async run({ session }, [name]) {
      const { id } = await new Names(session).agency(name!);
      await session.call(policyApi.deleteAgency, { params: { agency_id: id } });
      process.stderr.write(`Agency ${name} is deleted.\n`);
    },
  },
  {
    words: 'switch-role',
    about: 'work in another account through an agency of it, and save that as a profile',
    args: [['<agency>', 'name of the agency there']],
    options: [
      ['--account <name>', 'account whose agency it is'],
      ['--name <profile>', 'name to save it under', 'switched'],
    ],
    example: 'iam switch-role for-beta --account alpha --name alpha',
    async run({ session }, [agency], { account, name }) {
      if (!account) throw badArgument('In which account?', 'Give --account.');
      const { profile } = session;
      const answer = await session.request('POST', tokenApi.createToken.path, {
        headers: { 'x-auth-token': await session.token() },
        body: {
          auth: {
            identity: { methods: ['assume_role'], assume_role: { agency_name: agency, domain_name: account } },
            scope: { project: { name: profile.region } },
          },
        },
      });
      const token = answer.headers.get('x-subject-token')!;
      const { token: shown } = JSON.parse(answer.body.toString()) as { token: { project: { id: string } } };
      const { endpoints, region } = profile;
      saveProfile(name, { endpoints, region, projectId: shown.project.id, account, user: agency!, token });
      process.stderr.write(
        `Working in account ${account} as ${agency}; saved as profile "${name}", good for 24 hours.\n`,
      );
    },
  },
  {
    words: 'key list',
    about: 'list permanent access keys',
    options: [['--user <name>', 'whose; the own when absent']],
    async run({ session, format }, _args, { user }) {
      const query = user ? { user_id: (await new Names(session).user(user)).id } : {};
      const { credentials } = await session.call(userApi.listKeys, { query });
      printRows(format, credentials as Shown[], {
        'Access key': key => key.access,
        Status: key => key.status,
        Created: key => key.create_time,
        Description: key => key.description,
      });
    },
  },
  {
    words: 'key create',
    about: 'create a permanent access key; its secret is shown this once',
    options: [
      ['--user <name>', 'for whom'],
      ['--description <text>', 'what it is for'],
    ],
    async run({ session, format }, _args, { user, description }) {
      if (!user) throw badArgument('For whom?', 'Give --user.');
      const { id } = await new Names(session).user(user);
      const credential = { user_id: id, ...(description ? { description } : {}) };
      printOne(format, (await session.call(userApi.createKey, { body: { credential } })).credential);
    },
  },
  ...(['active', 'inactive'] as const).map(
    (status): Leaf => ({
      words: status === 'active' ? 'key enable' : 'key disable',
      about: status === 'active' ? 'let an access key be used again' : 'keep an access key from being used',
      args: [['<access-key>', 'its id']],
      async run({ session, format }, [access_key]) {
        const input = { params: { access_key: access_key! }, body: { credential: { status } } };
        printOne(format, (await session.call(userApi.updateKey, input)).credential);
      },
    }),
  ),
  {
    words: 'key delete',
    about: 'delete an access key',
    args: [['<access-key>', 'its id']],
    destroys: true,
    async run({ session }, [access_key]) {
      await session.call(userApi.deleteKey, { params: { access_key: access_key! } });
      process.stderr.write(`Access key ${access_key} is deleted.\n`);
    },
  },
  {
    words: 'temporary-key',
    about: 'obtain a temporary access key of the own rights, or of fewer',
    options: [
      ['--duration <seconds>', 'how long it works, 900 to 86400', '900'],
      ['--policy <file>', 'narrow it to what this policy allows'],
    ],
    async run({ session, format }, _args, { duration, policy }) {
      const duration_seconds = wholeNumber(900, 86_400)(duration);
      const identity = {
        methods: ['token'],
        token: { id: await session.token(), duration_seconds },
        ...(policy ? { policy: JSON.parse(readText(policy)) as unknown } : {}),
      };
      printOne(format, (await session.call(tokenApi.createTemporaryKey, { body: { auth: { identity } } })).credential);
    },
  },
  {
    words: 'project list',
    about: 'list the projects of the account',
    async run({ session, format }) {
      printRows(format, await new Names(session).projects(), {
        Name: project => project.name,
        Enabled: project => project.enabled,
        Id: project => project.id,
      });
    },
  },
  {
    words: 'project create',
    about: 'create a subproject of the region',
    args: [['<name>', 'the region, _, and a name: local-1_research']],
    async run({ session, format }, [name]) {
      printOne(format, (await session.call(tokenApi.createProject, { body: { project: { name: name! } } })).project);
    },
  },
];
