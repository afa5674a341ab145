import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import type { ObsClient } from '../src/client/obs.ts';
import {
  curlGet,
  curlPut,
  MIB,
  makeFile,
  memoryOf,
  peakOf,
  ratioFigure,
  resetPeak,
  run,
  type SignUrl,
  seconds,
  shell,
  syncFile,
} from './objects-kit.ts';
import { type Figure, median } from './report.ts';

const SIZE = 1024 * MIB;
const ROUNDS = 3;
const READ_ROUNDS = 7;
/** The most memory that is touched beforehand, and what of the free is left alone. */
const TOUCHED = 32 * 1024 * MIB;
const UNTOUCHED = 2 * 1024 * MIB;
const MEMORY_TARGET = '≤ 100 MiB';

/**
 * PUT and GET of 1 GiB with curl, in rounds taken in turn with `cp` and fsync, and with `cat` into a socket. The answer to a PUT holds the
 * MD5 of its bytes, which one core makes at its pace however fast the disk is: the slower of the two is what a PUT can reach.
 */
export async function benchLarge(dir: string, sign: SignUrl): Promise<Figure[]> {
  const source = join(dir, 'source');
  makeFile(source, SIZE);
  await touchMemory();
  const cat = spawn(process.execPath, [join(import.meta.dirname, 'cat-server.ts'), source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [port] = (await once(cat.stdout!, 'data')) as [Buffer];
    const catUrl = `http://127.0.0.1:${Number(String(port))}/`;
    const samples = {
      cp: [] as number[],
      put: [] as number[],
      md5: [] as number[],
      cat: [] as number[],
      get: [] as number[],
    };
    for (let round = 0; round < ROUNDS; round++) {
      const copy = join(dir, 'copy');
      samples.cp.push(
        await seconds(async () => {
          await run('cp', ['--reflink=never', source, copy]);
          syncFile(copy);
        }),
      );
      rmSync(copy);
      // One key each: what is replaced is deleted seconds later, in the midst of what is measured next.
      samples.put.push(await seconds(() => curlPut(source, sign('PUT', `large-${round}`))));
      samples.md5.push(await seconds(() => run('md5sum', [source])));
    }
    for (let round = 0; round < READ_ROUNDS; round++) {
      samples.cat.push(await seconds(() => curlGet(catUrl)));
      samples.get.push(await seconds(() => curlGet(sign('GET', 'large-0'))));
    }
    const rate = (times: number[]) => SIZE / MIB / median(times);
    const ratio = (peer: number[], ours: number[]) => median(ours.map((time, round) => peer[round]! / time));
    const { cp, put, md5, cat: plain, get } = samples;
    const bound = cp.map((time, round) => Math.max(time, md5[round]!));
    return [
      ratioFigure(
        { what: 'PUT of 1 GiB', value: rate(put), unit: 'MiB/s', target: '≥ 0.6' },
        { name: 'cp + fsync', value: rate(cp) },
        ratio(cp, put),
      ),
      ratioFigure(
        { what: 'PUT of 1 GiB, against what its MD5 allows', value: rate(put), unit: 'MiB/s' },
        { name: 'the slower of cp + fsync and md5sum', value: rate(bound) },
        ratio(bound, put),
      ),
      ratioFigure(
        { what: 'GET of 1 GiB', value: rate(get), unit: 'MiB/s', target: '≥ 0.7' },
        { name: 'cat into a socket', value: rate(plain) },
        ratio(plain, get),
      ),
    ];
  } finally {
    cat.kill();
    rmSync(source, { force: true });
  }
}

/**
 * Takes memory and gives it back. The host of a virtual machine gives it memory when that is first used, and takes seconds for a GiB: paid by
 * whoever comes first, and by nobody on a machine that has run for a while.
 */
async function touchMemory(): Promise<void> {
  const bytes = Math.min(TOUCHED, freemem() - UNTOUCHED);
  if (bytes > 0) await run(process.execPath, ['-e', `Buffer.alloc(${bytes}, 1)`]);
}

/**
 * The most the server takes above idle while a large object goes in, out, and out to readers that dawdle. More than one request may carry
 * (5 GiB) goes in as our own client sends it, in parts, several at once.
 */
export async function benchMemory(pid: number, dir: string, obs: ObsClient, sign: SignUrl): Promise<Figure[]> {
  const gib = Number(process.env.ATELIER_BENCH_MEMORY_GIB ?? 4);
  const size = gib * 1024 * MIB;
  const figures: Figure[] = [];
  const idle = memoryOf(pid);
  const measure = async (what: string, work: () => Promise<unknown>) => {
    resetPeak(pid);
    await work();
    figures.push({ what, value: (peakOf(pid) - idle) / MIB, unit: 'MiB', target: MEMORY_TARGET });
  };
  if (gib > 5) {
    const sparse = join(dir, 'sparse');
    const file = openSync(sparse, 'w');
    ftruncateSync(file, size);
    closeSync(file);
    await measure(`Memory above idle, upload of ${gib} GiB in parts`, () =>
      obs.upload(sparse, { bucket: 'bench', key: 'huge' }),
    );
    rmSync(sparse);
  } else {
    await measure(`Memory above idle, PUT of ${gib} GiB`, () =>
      shell(`head -c ${size} /dev/zero | curl -sSf -H Expect: -T - "$URL"`, sign('PUT', 'huge')),
    );
  }
  await measure(`Memory above idle, GET of ${gib} GiB`, () => curlGet(sign('GET', 'huge')));
  await measure('Memory above idle, 16 slow readers of it', () =>
    Promise.all(
      Array.from({ length: 16 }, () =>
        shell('curl -sS --limit-rate 4M -m 6 -o /dev/null "$URL" || true', sign('GET', 'huge')),
      ),
    ),
  );
  return figures;
}
