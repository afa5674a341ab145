import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createTeam, type Member, type Team } from '../../../test/scenarios/team.ts';
import { createWorld, type World } from '../../../test/world.ts';
import { parsePublicKey } from './ssh-key.ts';

const hasKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

describe('key pairs', () => {
  let world: World;
  let team: Team;
  let ann: Member;
  let bob: Member;
  let dir: string;
  const kps = () => `/v3/${team.tenant.projectId}/keypairs`;
  const nova = () => `/v2.1/${team.tenant.projectId}/os-keypairs`;

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'atelier-keys-'));
    world = await createWorld();
    team = await createTeam(world);
    [ann, bob] = [await team.member('ann'), await team.member('bob')];
    const statement = { Effect: 'Allow', Action: ['ecs:serverKeypairs:*'] };
    await team.grant(await team.group('users', [ann, bob]), [
      await team.policy('keys', { Version: '1.1', Statement: [statement] }),
    ]);
  });
  after(async () => {
    await world?.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  for (const algorithm of ['rsa', 'ed25519'] as const) {
    it(`makes an ${algorithm} pair that ssh-keygen takes for one`, { skip: !hasKeygen }, async () => {
      const made = await ann.call('POST', kps(), { keypair: { name: `made-${algorithm}`, algorithm } });
      assert.equal(made.status, 200, made.text);
      const { private_key, public_key, fingerprint } = made.body.keypair;
      const file = join(dir, algorithm);
      writeFileSync(file, private_key, { mode: 0o600 });
      const derived = execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });
      assert.equal(derived.split(' ').slice(0, 2).join(' ').trim(), public_key);
      writeFileSync(`${file}.pub`, `${public_key}\n`);
      const told = execFileSync('ssh-keygen', ['-l', '-E', 'md5', '-f', `${file}.pub`], { encoding: 'utf8' });
      assert.ok(told.includes(`MD5:${fingerprint}`), told);
      const shown = await ann.call('GET', `${kps()}/made-${algorithm}`);
      assert.doesNotMatch(shown.text, /PRIVATE KEY/);
      assert.equal(shown.body.keypair.public_key, public_key);
    });
  }

  it('keeps no private key anywhere in the database', async () => {
    const made = await ann.call('POST', kps(), { keypair: { name: 'secret', algorithm: 'ed25519' } });
    const line = made.body.keypair.private_key.split('\n')[3];
    const rows = JSON.stringify(
      await world.db
        .selectFrom('key_pairs' as never)
        .selectAll()
        .execute(),
    );
    assert.ok(rows.includes('secret') && !rows.includes(line));
  });

  it('imports public keys of every usual type, and writes them anew', { skip: !hasKeygen }, async () => {
    for (const type of ['ed25519', 'rsa', 'ecdsa']) {
      const file = join(dir, `own-${type}`);
      execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', file]);
      const text = execFileSync('cat', [`${file}.pub`], { encoding: 'utf8' });
      const name = `own-${type}`;
      const made = await ann.call('POST', nova(), {
        keypair: { name, public_key: `${text.trim()}\ncommand="evil" x` },
      });
      assert.equal(made.status, 200, made.text);
      assert.equal(made.body.keypair.public_key, text.split(' ').slice(0, 2).join(' '));
      assert.equal(made.body.keypair.private_key, undefined);
    }
  });

  for (const [what, key] of [
    ['options before the type', 'command="sh" ssh-ed25519 AAAA'],
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----'],
    ['an old type', `ssh-dss ${Buffer.from('\0\0\0\x07ssh-dss').toString('base64')}`],
    ['another type inside', `ssh-ed25519 ${Buffer.from('\0\0\0\x07ssh-rsa').toString('base64')}`],
    ['a cut key', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=='],
    ['no key', 'ssh-ed25519'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const answer = await ann.call('POST', kps(), { keypair: { name: 'bad', public_key: key } });
      assert.deepEqual([answer.status, answer.body.error_code], [400, 'KPS.0400'], answer.text);
      assert.equal(typeof parsePublicKey(key), 'string');
    });
  }

  it('are their maker’s, unless made for the account', async () => {
    await ann.call('POST', kps(), { keypair: { name: 'mine', algorithm: 'ed25519' } });
    await ann.call('POST', kps(), { keypair: { name: 'ours', algorithm: 'ed25519', scope: 'domain' } });
    assert.equal((await bob.call('GET', `${kps()}/mine`)).status, 404);
    assert.equal((await bob.call('DELETE', `${kps()}/mine`)).status, 404);
    assert.equal((await bob.call('GET', `${kps()}/ours`)).status, 200);
    const { keys, missing } = await world.families.keyPairs.publicKeys(team.tenant.projectId, bob.id, ['mine', 'ours']);
    assert.deepEqual([Object.keys(keys), missing], [['ours'], ['mine']]);
    assert.equal((await bob.call('POST', kps(), { keypair: { name: 'mine', algorithm: 'ed25519' } })).status, 200);
    const twice = await ann.call('POST', kps(), { keypair: { name: 'mine' } });
    assert.deepEqual([twice.status, twice.body.error_code], [409, 'KPS.0409']);
    const rival = await world.tenant('rival');
    const other = await world.send('GET', `/v3/${rival.projectId}/keypairs/ours`, { token: await world.login(rival) });
    assert.equal(other.status, 404);
  });

  it('are listed by pages, described and deleted', async () => {
    const first = (await bob.call('GET', `${kps()}?limit=1`)).body;
    assert.equal(first.keypairs[0].keypair.name, 'mine');
    const rest = (await bob.call('GET', `${kps()}?marker=${first.page_info.next_marker}`)).body;
    assert.deepEqual(
      rest.keypairs.map((each: { keypair: { name: string } }) => each.keypair.name),
      ['ours'],
    );
    const told = await bob.call('PUT', `${kps()}/mine`, { keypair: { description: 'laptop' } });
    assert.equal(told.status, 200, told.text);
    assert.equal((await bob.call('GET', `${kps()}/mine`)).body.keypair.description, 'laptop');
    assert.equal((await bob.call('DELETE', `${nova()}/mine`)).status, 202);
    const gone = await bob.call('GET', `${nova()}/mine`);
    assert.equal(gone.status, 404);
    assert.equal(gone.body.itemNotFound.code, 404);
  });
});
