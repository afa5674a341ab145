import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { signUrl } from '../src/resources/objects/sign-url.ts';
import { freePort } from '../test/free-ports.ts';
import { curlGet, curlPut, MIB, makeFile, ratioFigure, type SignUrl, seconds } from './objects-kit.ts';
import { fill, smallLoad } from './objects-small.ts';
import { type Figure, median } from './report.ts';

const SIZE = 256 * MIB;
const ROUNDS = 3;
const SECONDS = 2;
const NAME = 's3rver 3.7 (not durable)';

/**
 * The same bytes to s3rver, an S3 server in Node that installs from npm everywhere and synchronises nothing to disk. It is no
 * dependency: `npm install --prefix <dir> s3rver@3.7.1`, then ATELIER_BENCH_S3RVER=<dir>. Without it there are no such figures.
 */
export async function benchPeer(dir: string, sign: SignUrl): Promise<Figure[]> {
  const program = join(process.env.ATELIER_BENCH_S3RVER ?? '', 'node_modules/s3rver/bin/s3rver.js');
  if (!process.env.ATELIER_BENCH_S3RVER || !existsSync(program)) {
    process.stderr.write('s3rver is left out: npm install --prefix DIR s3rver@3.7.1, ATELIER_BENCH_S3RVER=DIR\n');
    return [];
  }
  const data = join(dir, 's3rver');
  mkdirSync(data);
  const port = await freePort();
  const args = [program, '-d', data, '-a', '127.0.0.1', '-p', String(port), '-s', '--configure-bucket', 'bench'];
  const server = spawn(process.execPath, args, { stdio: 'ignore' });
  const credential = { access: 'S3RVER', secret: 'S3RVER' };
  const theirs: SignUrl = (method, key) =>
    signUrl(
      credential,
      { method, bucket: 'bench', key, expiresSeconds: 3600, endpoint: `http://127.0.0.1:${port}` },
      Date.now(),
    ).replace('?AccessKeyId=', '?AWSAccessKeyId=');
  const source = join(dir, 'peer-source');
  makeFile(source, SIZE);
  try {
    await sleep(1500);
    const stores = { ours: sign, theirs };
    const names = ['ours', 'theirs'] as const;
    const put = { ours: [] as number[], theirs: [] as number[] };
    const get = { ours: [] as number[], theirs: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of names) put[name].push(await seconds(() => curlPut(source, stores[name]('PUT', 'peer'))));
      for (const name of names) get[name].push(await seconds(() => curlGet(stores[name]('GET', 'peer'))));
    }
    const smallPut = { ours: 0, theirs: 0 };
    const smallGet = { ours: 0, theirs: 0 };
    for (const name of names) {
      const own = join(dir, `peer-${name}`);
      mkdirSync(own);
      const load = await smallLoad(own, stores[name]);
      smallPut[name] = (await load('PUT', SECONDS)).requestsPerSecond;
      await fill(load);
      smallGet[name] = (await load('GET', SECONDS)).requestsPerSecond;
    }
    const rate = (times: number[]) => SIZE / MIB / median(times);
    const figure = (what: string, unit: string, of: Record<(typeof names)[number], number>) =>
      ratioFigure({ what, value: of.ours, unit }, { name: NAME, value: of.theirs });
    return [
      figure('PUT of 256 MiB', 'MiB/s', { ours: rate(put.ours), theirs: rate(put.theirs) }),
      figure('GET of 256 MiB', 'MiB/s', { ours: rate(get.ours), theirs: rate(get.theirs) }),
      figure('PUT of 4 KiB, 64 clients', '/s', smallPut),
      figure('GET of 4 KiB, 64 clients', '/s', smallGet),
    ];
  } finally {
    server.kill();
    rmSync(source, { force: true });
  }
}
