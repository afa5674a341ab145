import { randomInt } from 'node:crypto';
import * as userApi from '../../../resources/iam/user.api.ts';
import { ask } from '../../ask.ts';
import type { Leaf, Options } from '../../leaves.ts';
import { badArgument } from '../../options.ts';
import { printOne, printRows } from '../../output.ts';
import { Names, type Shown } from './names.ts';

const userColumns = {
  Name: (user: Shown) => user.name,
  Enabled: (user: Shown) => user.enabled,
  Access: (user: Shown) => user.access_mode,
  'Must change password': (user: Shown) => user.pwd_status,
  Id: (user: Shown) => user.id,
};

const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';

/** A password that meets the rules and can be read out. */
function generated(): string {
  return `${Array.from({ length: 16 }, () => LETTERS[randomInt(LETTERS.length)]).join('')}-9z`;
}

/** From the option that reads standard input, the environment, or a person. Never from the command line, where others can see it. */
async function passwordFrom(options: Options, question: string): Promise<string> {
  if (options.passwordStdin) {
    let text = '';
    for await (const chunk of process.stdin) text += chunk;
    return text.replace(/\r?\n$/, '');
  }
  return process.env.ATELIER_PASSWORD ?? (await ask(question, true));
}

const passwordStdin = ['--password-stdin', 'read the password from standard input (or set ATELIER_PASSWORD)'] as const;
const changes = [
  ['--description <text>', 'what the user is for'],
  ['--access <mode>', 'default, programmatic (keys alone) or console (password alone)'],
  ['--email <address>', 'e-mail address, for people'],
  ['--phone <number>', 'phone number, for people'],
] as const;

function changesOf(options: Options) {
  const { description, access, email, phone } = options;
  return {
    ...(description === undefined ? {} : { description }),
    ...(access === undefined ? {} : { access_mode: access }),
    ...(email === undefined ? {} : { email }),
    ...(phone === undefined ? {} : { phone }),
  };
}

/** `atelier iam user …`, `atelier iam group …` */
export const userLeaves: readonly Leaf[] = [
  {
    words: 'user list',
    about: 'list IAM users',
    async run({ session, format }) {
      printRows(format, await new Names(session).users(), userColumns);
    },
  },
  {
    words: 'user show',
    about: 'show an IAM user and its groups',
    args: [['<user>', 'name or id']],
    async run({ session, format }, [name]) {
      const { id } = await new Names(session).user(name!);
      const { user } = await session.call(userApi.showUserDetails, { params: { user_id: id } });
      const { groups } = await session.call(userApi.listGroupsOfUser, { params: { user_id: id } });
      const { links, ...shown } = user as Shown;
      printOne(format, { ...shown, groups: (groups as Shown[]).map(group => group.name).join(', ') });
    },
  },
  {
    words: 'user create',
    about: 'create an IAM user; without a password given, one is made that must be changed at the first login',
    args: [['<name>', 'user name: letters, digits, blanks, _ . -']],
    options: [
      passwordStdin,
      ['--keep-password', 'the password given need not be changed at the first login'],
      ['--no-password', 'the user comes in by access keys alone'],
      ['--group <name>', 'add it to this group'],
      ...changes,
    ],
    example: 'iam user create ann --group developers',
    async run({ session, format }, [name], options) {
      const names = new Names(session);
      const group = options.group ? await names.group(options.group) : undefined;
      const given = options.passwordStdin || process.env.ATELIER_PASSWORD;
      const password = options.password === false ? undefined : given ? await passwordFrom(options, '') : generated();
      const body = {
        name: name!,
        ...(password === undefined ? { access_mode: 'programmatic' } : { password, pwd_status: !options.keepPassword }),
        ...changesOf(options),
      };
      const { user } = await session.call(userApi.createUserByAdmin, { body: { user: body } });
      const { id } = user as Shown;
      if (group) await session.call(userApi.addUserToGroup, { params: { group_id: group.id, user_id: id } });
      printOne(format, {
        id,
        name,
        ...(password !== undefined && !given ? { password } : {}),
        ...(group ? { group: group.name } : {}),
        must_change_password: password !== undefined && !options.keepPassword,
      });
    },
  },
  {
    words: 'user update',
    about: 'change an IAM user',
    args: [['<user>', 'name or id']],
    options: [
      ['--name <name>', 'another name'],
      ['--enable', 'let the user in'],
      ['--disable', 'end every credential of the user at once'],
      ...changes,
    ],
    async run({ session, format }, [name], options) {
      if (options.enable && options.disable) throw badArgument('A user is either enabled or disabled.');
      const { id } = await new Names(session).user(name!);
      const user = {
        ...changesOf(options),
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.enable || options.disable ? { enabled: options.enable === true } : {}),
      };
      const answer = await session.call(userApi.updateUserDetails, { params: { user_id: id }, body: { user } });
      printRows(format, [answer.user as Shown], userColumns);
    },
  },
  {
    words: 'user password',
    about: 'give a user another password, which must be changed at the next login',
    args: [['<user>', 'name or id']],
    options: [passwordStdin, ['--keep-password', 'it need not be changed']],
    async run({ session, format }, [name], options) {
      const { id } = await new Names(session).user(name!);
      const given = options.passwordStdin || process.env.ATELIER_PASSWORD;
      const password = given ? await passwordFrom(options, '') : generated();
      const user = { password, pwd_status: !options.keepPassword };
      await session.call(userApi.updateUserDetails, { params: { user_id: id }, body: { user } });
      printOne(format, { name, ...(given ? {} : { password }), must_change_password: !options.keepPassword });
    },
  },
  {
    words: 'user delete',
    about: 'delete an IAM user with its keys',
    args: [['<user>', 'name or id']],
    destroys: true,
    async run({ session }, [name]) {
      const { id } = await new Names(session).user(name!);
      await session.call(userApi.deleteUser, { params: { user_id: id } });
      process.stderr.write(`User ${name} is deleted.\n`);
    },
  },
  {
    words: 'group list',
    about: 'list user groups',
    async run({ session, format }) {
      printRows(format, await new Names(session).groups(), {
        Name: group => group.name,
        Description: group => group.description,
        Id: group => group.id,
      });
    },
  },
  {
    words: 'group create',
    about: 'create a user group',
    args: [
      ['<name>', 'group name'],
      ['[user...]', 'users to add'],
    ],
    options: [['--description <text>', 'what the group is for']],
    example: 'iam group create ModelArts_admin_group ann',
    async run({ session, format }, [name, ...members], { description }) {
      const names = new Names(session);
      const ids = await Promise.all(members.map(async member => (await names.user(member)).id));
      const body = { group: { name: name!, ...(description ? { description } : {}) } };
      const { group } = await session.call(userApi.createGroup, { body });
      const { id } = group as Shown;
      for (const user_id of ids) await session.call(userApi.addUserToGroup, { params: { group_id: id, user_id } });
      printOne(format, { id, name, members: members.join(', ') });
    },
  },
  {
    words: 'group members',
    about: 'list the users of a group',
    args: [['<group>', 'name or id']],
    async run({ session, format }, [name]) {
      const { id } = await new Names(session).group(name!);
      const { users } = await session.call(userApi.listUsersOfGroup, { params: { group_id: id } });
      printRows(format, users as Shown[], userColumns);
    },
  },
  {
    words: 'group add',
    about: 'add users to a group',
    args: [
      ['<group>', 'name or id'],
      ['<user...>', 'names or ids'],
    ],
    run: (context, args) => setMembers(context.session, args, userApi.addUserToGroup, 'added to'),
  },
  {
    words: 'group remove',
    about: 'remove users from a group',
    args: [
      ['<group>', 'name or id'],
      ['<user...>', 'names or ids'],
    ],
    run: (context, args) => setMembers(context.session, args, userApi.removeUserFromGroup, 'removed from'),
  },
  {
    words: 'group delete',
    about: 'delete a group with what was granted to it',
    args: [['<group>', 'name or id']],
    destroys: true,
    async run({ session }, [name]) {
      const { id } = await new Names(session).group(name!);
      await session.call(userApi.deleteGroup, { params: { group_id: id } });
      process.stderr.write(`Group ${name} is deleted.\n`);
    },
  },
];

async function setMembers(
  session: Names['session'],
  [group, ...members]: readonly string[],
  operation: typeof userApi.addUserToGroup | typeof userApi.removeUserFromGroup,
  done: string,
): Promise<void> {
  const names = new Names(session);
  const { id } = await names.group(group!);
  for (const member of members) {
    const user = await names.user(member);
    await session.call(operation as typeof userApi.addUserToGroup, { params: { group_id: id, user_id: user.id } });
    process.stderr.write(`${user.name} is ${done} ${group}.\n`);
  }
}
