import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { createInstallation, type Installation } from '../e2e/installation.ts';

const run = promisify(execFile);
const MIB = 1024 ** 2;

/** Debian's command-line clients of S3, as they are packaged: what people script with. */
describe('command-line storage clients', () => {
  let at: Installation;
  let dir: string;
  let source: string;
  let files: Map<string, string>;
  let environment: NodeJS.ProcessEnv;

  before(async () => {
    at = await createInstallation();
    dir = mkdtempSync(join(tmpdir(), 'atelier-tools-'));
    source = join(dir, 'source');
    const content: Record<string, Buffer> = {
      'empty.txt': Buffer.alloc(0),
      'a file with blanks & such.txt': Buffer.from('blanks'),
      'ünïcode/日本.bin': randomBytes(70_000),
      'deep/er/and/deeper/leaf': Buffer.from('leaf'),
      // Above what each of them sends in one piece.
      'large.bin': randomBytes(18 * MIB),
    };
    for (let n = 0; n < 40; n++) content[`many/${n}.txt`] = Buffer.from(`number ${n}`);
    for (const [name, bytes] of Object.entries(content)) {
      mkdirSync(dirname(join(source, name)), { recursive: true });
      writeFileSync(join(source, name), bytes);
    }
    files = hashes(source);
    const { access, secret } = at.profile.key!;
    const { obs } = at.profile.endpoints;
    environment = {
      PATH: '/usr/bin:/bin',
      HOME: dir,
      LANG: 'C.UTF-8',
      AWS_ACCESS_KEY_ID: access,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_DEFAULT_REGION: at.profile.region,
      RCLONE_CONFIG_OBS_TYPE: 's3',
      RCLONE_CONFIG_OBS_PROVIDER: 'Other',
      RCLONE_CONFIG_OBS_ENDPOINT: obs,
      RCLONE_CONFIG_OBS_ACCESS_KEY_ID: access,
      RCLONE_CONFIG_OBS_SECRET_ACCESS_KEY: secret,
      RCLONE_CONFIG_OBS_REGION: at.profile.region,
      RCLONE_S3_UPLOAD_CUTOFF: '6M',
      RCLONE_S3_CHUNK_SIZE: '5M',
    };
    const host = new URL(obs).host;
    writeFileSync(
      join(dir, '.s3cfg'),
      [
        '[default]',
        `access_key = ${access}`,
        `secret_key = ${secret}`,
        `host_base = ${host}`,
        `host_bucket = ${host}`,
        'use_https = False',
        `bucket_location = ${at.profile.region}`,
        'multipart_chunk_size_mb = 5',
      ].join('\n'),
    );
  });
  after(async () => {
    await at?.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  async function tool(program: string, ...args: string[]): Promise<string> {
    try {
      const { stdout } = await run(`/usr/bin/${program}`, args, { env: environment, maxBuffer: 8 * MIB });
      return stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${program} ${args.join(' ')}: ${(error as Error).message}\n${stdout}${stderr}`);
    }
  }
  const aws = (...args: string[]) => tool('aws', '--endpoint-url', at.profile.endpoints.obs, ...args);

  it('rclone synchronizes both ways, checks, and removes what is gone', async () => {
    await tool('rclone', 'mkdir', 'obs:by-rclone');
    await tool('rclone', 'sync', source, 'obs:by-rclone/data');
    await tool('rclone', 'check', '--download', source, 'obs:by-rclone/data');
    const back = join(dir, 'back-rclone');
    await tool('rclone', 'sync', 'obs:by-rclone/data', back);
    assert.deepEqual(hashes(back), files);
    rmSync(join(back, 'many'), { recursive: true });
    writeFileSync(join(back, 'empty.txt'), 'no longer');
    await tool('rclone', 'sync', back, 'obs:by-rclone/data');
    await tool('rclone', 'check', '--download', back, 'obs:by-rclone/data');
    assert.equal(await tool('rclone', 'cat', 'obs:by-rclone/data/empty.txt'), 'no longer');
    await tool('rclone', 'copyto', 'obs:by-rclone/data/large.bin', 'obs:by-rclone/copy.bin');
    await tool('rclone', 'moveto', 'obs:by-rclone/copy.bin', 'obs:by-rclone/moved/large.bin');
    assert.equal(
      await tool('rclone', 'size', '--json', 'obs:by-rclone/moved').then(text => JSON.parse(text).bytes),
      18 * MIB,
    );
    await tool('rclone', 'purge', 'obs:by-rclone');
  });

  it('awscli synchronizes both ways, and its lower-level commands work', async () => {
    await aws('s3', 'mb', 's3://by-aws');
    await aws('s3', 'sync', '--no-progress', source, 's3://by-aws/data');
    const back = join(dir, 'back-aws');
    await aws('s3', 'sync', '--no-progress', 's3://by-aws/data', back);
    assert.deepEqual(hashes(back), files);
    assert.equal(
      (await aws('s3', 'sync', '--no-progress', back, 's3://by-aws/data')).trim(),
      '',
      'nothing has changed',
    );
    await aws('s3api', 'put-bucket-versioning', '--bucket', 'by-aws', '--versioning-configuration', 'Status=Enabled');
    await aws('s3', 'cp', '--no-progress', join(source, 'empty.txt'), 's3://by-aws/data/many/0.txt');
    await aws('s3', 'rm', 's3://by-aws/data/many/0.txt');
    const args = ['s3api', 'list-object-versions', '--bucket', 'by-aws', '--prefix', 'data/many/0.txt'];
    const { Versions, DeleteMarkers } = JSON.parse(await aws(...args));
    assert.deepEqual([Versions.length, DeleteMarkers.length], [2, 1]);
    const link = (await aws('s3', 'presign', 's3://by-aws/data/large.bin')).trim();
    const answer = await fetch(link);
    assert.equal(hash(Buffer.from(await answer.arrayBuffer())), files.get('large.bin'));
  });

  it('s3cmd synchronizes both ways, and signs links', async () => {
    await tool('s3cmd', 'mb', 's3://by-s3cmd');
    await tool('s3cmd', 'sync', '--no-progress', `${source}/`, 's3://by-s3cmd/data/');
    const back = join(dir, 'back-s3cmd');
    mkdirSync(back);
    await tool('s3cmd', 'sync', '--no-progress', 's3://by-s3cmd/data/', `${back}/`);
    assert.deepEqual(hashes(back), files);
    assert.match(
      await tool('s3cmd', 'info', 's3://by-s3cmd/data/empty.txt'),
      /MD5 sum:\s+d41d8cd98f00b204e9800998ecf8427e/,
    );
    assert.match(await tool('s3cmd', 'du', 's3://by-s3cmd/'), new RegExp(`${total(source)}\\s+45 objects`));
    const link = (await tool('s3cmd', 'signurl', 's3://by-s3cmd/data/deep/er/and/deeper/leaf', '+600')).trim();
    assert.equal(await (await fetch(link)).text(), 'leaf');
    await tool('s3cmd', 'mv', 's3://by-s3cmd/data/large.bin', 's3://by-s3cmd/moved.bin');
    await tool('s3cmd', 'del', '--recursive', '--force', 's3://by-s3cmd/');
    await tool('s3cmd', 'rb', 's3://by-s3cmd');
  });
});

const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Hash of every file below a directory, by its relative name. */
function hashes(root: string): Map<string, string> {
  return new Map(names(root).map(name => [name, hash(readFileSync(join(root, name)))]));
}

const total = (root: string) => names(root).reduce((sum, name) => sum + statSync(join(root, name)).size, 0);

function names(root: string): string[] {
  const all = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return all.filter(name => statSync(join(root, name)).isFile()).sort();
}
