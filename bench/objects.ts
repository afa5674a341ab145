import { randomBytes } from 'node:crypto';
import { closeSync, copyFileSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createInstallation } from '../test/e2e/installation.ts';
import type { Figure, Report } from './report.ts';

const GIB = 1024 ** 3;
const SMALL = 10_000;
const PARALLEL = 16;

/** PUT and GET of 1 GiB and of 10,000 × 4 KiB, durable, against the same bytes by cp and fsync. */
export async function benchObjects(): Promise<Report> {
  const at = await createInstallation({ ATELIER_LOG: 'warn' });
  const dir = mkdtempSync(join(tmpdir(), 'atelier-bench-'));
  try {
    await at.obs.createBucket('bench');
    const s3 = new S3Client({
      endpoint: at.profile.endpoints.obs,
      region: at.profile.region,
      forcePathStyle: true,
      credentials: { accessKeyId: at.profile.key!.access, secretAccessKey: at.profile.key!.secret },
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    const figures: Figure[] = [];
    const chunk = randomBytes(4 * 1024 * 1024);
    const source = join(dir, 'source');
    const fd = openSync(source, 'w');
    for (let written = 0; written < GIB; written += chunk.length) writeSync(fd, chunk);
    fsyncSync(fd);
    closeSync(fd);

    const copy = timed(() => {
      copyFileSync(source, join(dir, 'copy'));
      sync(join(dir, 'copy'));
    });
    const put = await timedAsync(async () => {
      await s3.send(
        new PutObjectCommand({
          Bucket: 'bench',
          Key: 'large',
          Body: Readable.from(repeat(chunk, GIB)),
          ContentLength: GIB,
        }),
      );
    });
    figures.push(rate('PUT of 1 GiB', GIB / 1024 ** 2 / put, 'MiB/s', 'cp + fsync', GIB / 1024 ** 2 / copy));
    const get = await timedAsync(async () => {
      const answer = await s3.send(new GetObjectCommand({ Bucket: 'bench', Key: 'large' }));
      for await (const _ of answer.Body as Readable);
    });
    figures.push(rate('GET of 1 GiB', GIB / 1024 ** 2 / get, 'MiB/s', 'cp + fsync', GIB / 1024 ** 2 / copy));

    const small = randomBytes(4096);
    const files = timed(() => {
      for (let index = 0; index < SMALL; index++) {
        const file = openSync(join(dir, `s${index}`), 'w');
        writeSync(file, small);
        fsyncSync(file);
        closeSync(file);
      }
    });
    const puts = await timedAsync(() =>
      parallel(SMALL, PARALLEL, index =>
        s3.send(new PutObjectCommand({ Bucket: 'bench', Key: `s/${index}`, Body: small })),
      ),
    );
    figures.push(
      rate(
        `PUT of 4 KiB, ${PARALLEL} at once`,
        SMALL / puts,
        '/s',
        'write + fsync, one after the other',
        SMALL / files,
      ),
    );
    const gets = await timedAsync(() =>
      parallel(SMALL, PARALLEL, async index => {
        const answer = await s3.send(new GetObjectCommand({ Bucket: 'bench', Key: `s/${index}` }));
        await (answer.Body as unknown as { transformToByteArray(): Promise<unknown> }).transformToByteArray();
      }),
    );
    figures.push(
      rate(
        `GET of 4 KiB, ${PARALLEL} at once`,
        SMALL / gets,
        '/s',
        'write + fsync, one after the other',
        SMALL / files,
      ),
    );
    return { bench: 'objects', figures };
  } finally {
    rmSync(dir, { recursive: true, force: true });
    await at.remove();
  }
}

function rate(what: string, value: number, unit: string, name: string, peer: number): Figure {
  return { what, value, unit, peer: { name, value: peer }, ratio: value / peer };
}

function sync(file: string): void {
  const fd = openSync(file, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

function timed(work: () => void): number {
  const started = performance.now();
  work();
  return (performance.now() - started) / 1000;
}

async function timedAsync(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

function* repeat(chunk: Buffer, total: number): Generator<Buffer> {
  for (let sent = 0; sent < total; sent += chunk.length) yield chunk;
}

async function parallel(count: number, width: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await work(next++);
    }),
  );
}
