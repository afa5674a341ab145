import * as userApi from '../../../resources/iam/user.api.ts';
import { calling, type Leaf } from '../../leaves.ts';
import { Names, type Shown } from '../../names.ts';
import { printOne } from '../../output.ts';
import { groupColumns, userColumns } from './users.ts';

const theGroup = ['<group>', 'name or id'] as const;
const groupId = async (names: Names, [name]: readonly string[]) => ({
  params: { group_id: (await names.group(name!)).id },
});

/** `atelier iam group …` */
export const groupLeaves: readonly Leaf[] = [
  calling(userApi.listGroups, {
    words: 'group list',
    example: 'iam group list',
    rows: answer => answer.groups,
    columns: groupColumns,
  }),
  {
    words: 'group create',
    about: 'create a user group',
    args: [
      ['<name>', 'group name'],
      ['[user...]', 'users to add'],
    ],
    options: [['--description <text>', 'what the group is for']],
    example: 'iam group create ModelArts_admin_group ann',
    operations: [userApi.createGroup, userApi.addUserToGroup],
    async run({ session, format }, [name, ...members], { description }) {
      const names = new Names(session);
      const users = await Promise.all(members.map(member => names.user(member)));
      const body = { group: { name: name!, ...(description ? { description } : {}) } };
      const { id } = (await session.call(userApi.createGroup, { body })).group as Shown;
      for (const user of users) {
        await session.call(userApi.addUserToGroup, { params: { group_id: id, user_id: user.id } });
      }
      printOne(format, { id, name, members: members.join(', ') });
    },
  },
  calling(userApi.updateGroup, {
    words: 'group update',
    args: [theGroup],
    options: [
      ['--name <name>', 'another name'],
      ['--description <text>', 'what the group is for'],
    ],
    example: 'iam group update developers --description "who trains"',
    async input(names, args, { name, description }) {
      const group = { ...(name ? { name } : {}), ...(description === undefined ? {} : { description }) };
      return { ...(await groupId(names, args)), body: { group } };
    },
    done: ([group]) => `Group ${group} is changed.`,
  }),
  calling(userApi.listUsersOfGroup, {
    words: 'group members',
    args: [theGroup],
    example: 'iam group members developers',
    input: groupId,
    rows: answer => answer.users,
    columns: userColumns,
  }),
  members('add', 'add users to a group', userApi.addUserToGroup, 'added to'),
  members('remove', 'remove users from a group', userApi.removeUserFromGroup, 'removed from'),
  calling(userApi.deleteGroup, {
    words: 'group delete',
    about: 'delete a group with what was granted to it',
    args: [theGroup],
    example: 'iam group delete developers',
    destroys: true,
    input: groupId,
    done: ([name]) => `Group ${name} is deleted.`,
  }),
];

function members(
  word: string,
  about: string,
  operation: typeof userApi.addUserToGroup | typeof userApi.removeUserFromGroup,
  done: string,
): Leaf {
  return {
    words: `group ${word}`,
    about,
    args: [theGroup, ['<user...>', 'names or ids']],
    example: `iam group ${word} developers ann ben`,
    operations: [operation],
    async run({ session }, [group, ...users]) {
      const names = new Names(session);
      const { id } = await names.group(group!);
      for (const each of users) {
        const user = await names.user(each);
        // The two differ in their methods alone.
        const call = operation as typeof userApi.addUserToGroup;
        await session.call(call, { params: { group_id: id, user_id: user.id } });
        process.stderr.write(`${user.name} is ${done} ${group}.\n`);
      }
    },
  };
}
