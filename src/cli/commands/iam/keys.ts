import * as tokenApi from '../../../resources/iam/token.api.ts';
import * as userApi from '../../../resources/iam/user.api.ts';
import { calling, type Leaf } from '../../leaves.ts';
import type { Shown } from '../../names.ts';
import { wholeNumber } from '../../options.ts';
import { documentOf } from './policies.ts';

const columns = {
  'Access key': (key: Shown) => key.access,
  Status: (key: Shown) => key.status,
  Created: (key: Shown) => key.create_time,
  Description: (key: Shown) => key.description,
  User: (key: Shown) => key.user_id,
};
const theKey = [['<access-key>', 'its id']] as const;
const ofUser = ['--user <name>', 'whose; the own when absent'] as const;

/** `atelier iam key …`, `temporary-key` */
export const keyLeaves: readonly Leaf[] = [
  calling(userApi.listKeys, {
    words: 'key list',
    options: [ofUser],
    example: 'iam key list --user ann',
    input: async (names, _args, { user }) => ({ query: user ? { user_id: (await names.user(user)).id } : {} }),
    rows: answer => answer.credentials,
    columns,
  }),
  calling(userApi.createKey, {
    words: 'key create',
    options: [ofUser, ['--description <text>', 'what it is for']],
    example: 'iam key create --user ann --description laptop',
    async input(names, _args, { user, description }) {
      const { id } = user ? await names.user(user) : await names.self();
      return { body: { credential: { user_id: id, ...(description ? { description } : {}) } } };
    },
    one: answer => answer.credential,
    secrets: ['secret'],
  }),
  ...(['active', 'inactive'] as const).map(status => {
    const word = status === 'active' ? 'enable' : 'disable';
    return calling(userApi.updateKey, {
      words: `key ${word}`,
      about: status === 'active' ? 'let an access key be used again' : 'keep an access key from being used',
      args: theKey,
      example: `iam key ${word} AKIDEXAMPLE`,
      input: (_names, [access_key]) => ({
        params: { access_key: access_key! },
        body: { credential: { status } },
      }),
      one: answer => answer.credential,
    });
  }),
  calling(userApi.deleteKey, {
    words: 'key delete',
    args: theKey,
    example: 'iam key delete AKIDEXAMPLE',
    destroys: true,
    input: (_names, [access_key]) => ({ params: { access_key: access_key! } }),
    done: ([key]) => `Access key ${key} is deleted.`,
  }),
  calling(tokenApi.createTemporaryKey, {
    words: 'temporary-key',
    about: 'obtain a temporary access key of the own rights, or of fewer',
    options: [
      ['--duration <seconds>', 'how long it works, 900 to 86400', '900'],
      ['--policy <file>', 'narrow it to what this policy allows'],
    ],
    example: '--output json iam temporary-key --duration 3600 --policy read-only.json',
    input(_names, _args, { duration, policy }) {
      const token = { duration_seconds: wholeNumber(900, 86_400)(duration) };
      const narrowed = policy ? { policy: documentOf(policy).policy } : {};
      return { body: { auth: { identity: { methods: ['token'], token, ...narrowed } } } };
    },
    one: answer => answer.credential,
    secrets: ['secret', 'securitytoken'],
  }),
];
