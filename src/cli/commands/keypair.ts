import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Option } from 'commander';
import * as api from '../../resources/key-pairs/key-pair.api.ts';
import { calling, type Leaf } from '../leaves.ts';
import type { Shown } from '../names.ts';
import { printOne } from '../output.ts';

const columns = {
  Name: (row: Shown) => row.name,
  Scope: (row: Shown) => row.scope,
  Fingerprint: (row: Shown) => row.fingerprint,
};
const theName = [['<name>', 'name of the key pair']] as const;

/** `atelier keypair …` */
export const keypairLeaves: readonly Leaf[] = [
  calling(api.listKeypairs, {
    words: 'list',
    example: 'keypair list',
    rows: answer => answer.keypairs.map(each => each.keypair),
    columns,
  }),
  calling(api.listKeypairDetail, {
    words: 'show',
    args: theName,
    example: 'keypair show laptop',
    input: (_names, [name]) => ({ params: { keypair_name: name! } }),
    one: answer => answer.keypair,
  }),
  {
    words: 'create',
    about: 'make a key pair and write the private key to a file, or import a public key',
    args: [['<name>', 'its name']],
    options: [
      ['--public-key <file>', 'import this public key instead of making a pair'],
      ['--out <file>', 'where the private key goes; NAME.pem when absent'],
      new Option('--algorithm <name>', 'what to make').choices(['ed25519', 'rsa']).default('ed25519'),
      ['--account', 'for all users of the account, not for yourself alone'],
    ],
    example: 'keypair create laptop --out ~/.ssh/laptop.pem',
    operations: [api.createKeypair],
    async run({ session, format }, [name], { publicKey, out, algorithm, account }) {
      const file = out ?? `${name}.pem`;
      if (!publicKey && existsSync(file)) throw new Error(`${file} exists; name another file with --out`);
      const { keypair } = await session.call(api.createKeypair, {
        body: {
          keypair: {
            name: name!,
            ...(publicKey ? { public_key: readFileSync(publicKey, 'utf8') } : { algorithm }),
            ...(account ? { scope: 'domain' as const } : {}),
          },
        },
      });
      if (keypair.private_key !== undefined) {
        writeFileSync(file, keypair.private_key, { mode: 0o600, flag: 'wx' });
        process.stderr.write(`The private key is in ${file}; it is shown this once and kept nowhere else.\n`);
      }
      printOne(format, { name: keypair.name, public_key: keypair.public_key, fingerprint: keypair.fingerprint });
    },
  },
  calling(api.deleteKeypair, {
    words: 'delete',
    args: theName,
    example: 'keypair delete laptop',
    destroys: true,
    input: (_names, [name]) => ({ params: { keypair_name: name! } }),
    done: ([name]) => `deleted ${name}`,
  }),
];
