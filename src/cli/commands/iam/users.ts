import { Option } from 'commander';
import * as tokenApi from '../../../resources/iam/token.api.ts';
import * as userApi from '../../../resources/iam/user.api.ts';
import { ask, givenPassword, madePassword, newPassword } from '../../ask.ts';
import { calling, type Leaf, type Options } from '../../leaves.ts';
import { Names, type Shown } from '../../names.ts';
import { badArgument } from '../../options.ts';
import { printOne } from '../../output.ts';

export const userColumns = {
  Name: (user: Shown) => user.name,
  Enabled: (user: Shown) => user.enabled,
  Access: (user: Shown) => user.access_mode,
  'Must change password': (user: Shown) => user.pwd_status,
  Description: (user: Shown) => user.description,
  Id: (user: Shown) => user.id,
};

export const groupColumns = {
  Name: (group: Shown) => group.name,
  Description: (group: Shown) => group.description,
  Id: (group: Shown) => group.id,
};

const passwordStdin = ['--password-stdin', 'read the password from standard input (or set ATELIER_PASSWORD)'] as const;
const changes = [
  ['--description <text>', 'what the user is for'],
  new Option('--access <mode>', 'by keys and password, keys alone, or password alone').choices([
    'default',
    'programmatic',
    'console',
  ]),
  ['--email <address>', 'e-mail address, for people'],
  ['--phone <number>', 'phone number, for people'],
] as const;

function changesOf({ description, access, email, phone }: Options) {
  return {
    ...(description === undefined ? {} : { description }),
    ...(access === undefined ? {} : { access_mode: access }),
    ...(email === undefined ? {} : { email }),
    ...(phone === undefined ? {} : { phone }),
  };
}

const theUser = [['<user>', 'name or id']] as const;
const userId = async (names: Names, [name]: readonly string[]) => ({
  params: { user_id: (await names.user(name!)).id },
});

/** `atelier iam user …` */
export const userLeaves: readonly Leaf[] = [
  calling(userApi.listUsers, {
    words: 'user list',
    example: 'iam user list',
    rows: answer => answer.users,
    columns: userColumns,
  }),
  calling(userApi.showUserDetails, {
    words: 'user show',
    args: theUser,
    example: 'iam user show ann',
    input: userId,
    one({ user }) {
      const { links, ...shown } = user as Shown;
      return shown;
    },
  }),
  calling(userApi.listGroupsOfUser, {
    words: 'user groups',
    args: theUser,
    example: 'iam user groups ann',
    input: userId,
    rows: answer => answer.groups,
    columns: groupColumns,
  }),
  {
    words: 'user create',
    about: 'create an IAM user; without a password given, one is made that must be changed at the first login',
    args: [['<name>', 'user name: letters, digits, blanks, _ . -']],
    options: [
      passwordStdin,
      ['--keep-password', 'the password need not be changed at the first login'],
      ['--no-password', 'the user comes in by access keys alone'],
      ['--group <name...>', 'add it to these groups'],
      ...changes,
    ],
    example: 'iam user create ann --group developers',
    operations: [userApi.createUserByAdmin, userApi.addUserToGroup],
    async run({ session, format }, [name], options) {
      const names = new Names(session);
      const groups = await Promise.all(((options.group ?? []) as string[]).map(each => names.group(each)));
      const given = options.password === false ? undefined : await givenPassword(options);
      const password = options.password === false ? undefined : (given ?? madePassword());
      const user = {
        name: name!,
        ...(password === undefined ? { access_mode: 'programmatic' } : { password, pwd_status: !options.keepPassword }),
        ...changesOf(options),
      };
      const made = (await session.call(userApi.createUserByAdmin, { body: { user } })).user as Shown;
      for (const group of groups) {
        await session.call(userApi.addUserToGroup, { params: { group_id: group.id, user_id: made.id } });
      }
      const shown = {
        id: made.id,
        name,
        groups: groups.map(group => group.name).join(', '),
        must_change_password: password !== undefined && !options.keepPassword,
        ...(password !== undefined && given === undefined ? { password } : {}),
      };
      printOne(format, shown, ['password']);
    },
  },
  {
    words: 'user update',
    about: 'change an IAM user',
    args: theUser,
    options: [
      ['--name <name>', 'another name'],
      ['--enable', 'let the user in'],
      ['--disable', 'end every credential of the user at once'],
      ...changes,
    ],
    example: 'iam user update ann --disable',
    operations: [userApi.updateUserDetails],
    async run({ session, format }, [name], options) {
      if (options.enable && options.disable) throw badArgument('A user is either enabled or disabled.');
      const user = {
        ...changesOf(options),
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.enable || options.disable ? { enabled: options.enable === true } : {}),
      };
      if (Object.keys(user).length === 0)
        throw badArgument('There is nothing to change.', 'iam user update --help lists what can be.');
      const user_id = (await new Names(session).user(name!)).id;
      const answer = await session.call(userApi.updateUserDetails, { params: { user_id }, body: { user } });
      const { links, ...shown } = answer.user as Shown;
      printOne(format, shown);
    },
  },
  {
    words: 'user password',
    about: "change one's own password, or give a user another one, which must be changed at the next login",
    args: [['[user]', 'name or id; the own password when absent']],
    options: [passwordStdin, ['--keep-password', 'it need not be changed at the next login']],
    example: 'iam user password ann',
    operations: [userApi.changePassword, userApi.updateUserDetails],
    async run({ session, format }, [name], options) {
      const names = new Names(session);
      const self = await names.self();
      const user = name === undefined ? self : await names.user(name);
      const params = { user_id: user.id };
      if (user.id === self.id) {
        const original_password = process.env.ATELIER_PASSWORD || (await ask('Password: ', true));
        const body = { user: { original_password, password: await newPassword(options) } };
        await session.call(userApi.changePassword, { params, body });
        process.stderr.write('The password is changed; saved logins with the old one ended. Run: atelier login\n');
        return;
      }
      const given = await givenPassword(options);
      const password = given ?? madePassword();
      const pwd_status = !options.keepPassword;
      await session.call(userApi.updateUserDetails, { params, body: { user: { password, pwd_status } } });
      const shown = { name: user.name, must_change_password: pwd_status, ...(given ? {} : { password }) };
      printOne(format, shown, ['password']);
    },
  },
  calling(userApi.deleteUser, {
    words: 'user delete',
    about: 'delete an IAM user with its access keys',
    args: theUser,
    example: 'iam user delete ann',
    destroys: true,
    input: userId,
    done: ([name]) => `User ${name} is deleted.`,
  }),
  {
    words: 'token show',
    about: 'show whose a token is, for which project, and how long it lives',
    options: [['--token-stdin', 'the token on standard input; the own one when absent']],
    example: 'iam token show',
    operations: [tokenApi.validateToken],
    async run({ session, format }, _args, options) {
      const subject = options.tokenStdin ? await givenPassword({ passwordStdin: true }) : await session.token();
      const headers = { 'x-subject-token': subject! };
      const { token } = await session.call(tokenApi.validateToken, { headers, query: { nocatalog: 'true' } });
      if (format === 'json') {
        printOne(format, token);
        return;
      }
      const { user, project, issued_at, expires_at, methods } = token as Record<string, Shown>;
      printOne(format, {
        user: user!.name,
        user_id: user!.id,
        account: (user!.domain as Shown).name,
        project: project?.name,
        methods,
        issued_at,
        expires_at,
      });
    },
  },
];
