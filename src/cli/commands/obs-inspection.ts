import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { contentCheck } from '../../client/content-check.ts';
import type { ObsClient, ObsEntry, ObsUrl } from '../../client/obs.ts';
import { obsUrlText } from '../../client/obs.ts';
import { damaged } from '../../client/obs-download.ts';
import { obsFailure } from '../../client/obs-failure.ts';
import { damageFound, verifyObjects } from '../../client/obs-verify.ts';
import { globMatcher } from '../../client/path-filter.ts';
import { Failure } from '../../kernel/failure.ts';
import { contextOf } from '../context.ts';
import { age, byteCount, needUrl } from '../options.ts';
import { bytes, printOne, printRows } from '../output.ts';
import { transferProgress } from '../progress.ts';

interface FindOptions {
  name?: string;
  minSize?: number;
  maxSize?: number;
  newerThan?: number;
  olderThan?: number;
}

/** `atelier obs stat|cat|du|find|verify`. */
export function addInspection(obs: Command): void {
  obs
    .command('stat')
    .description('what is known of an object: size, time, checksum, metadata')
    .argument('<url>', 'obs://bucket/key')
    .action(async (url: string, _options, command: Command) => {
      const context = contextOf(command);
      const at = needUrl(url);
      const head = await (await context.obs()).head(at);
      if (!head) throw noSuchObject(at);
      printOne(context.format, {
        bucket: at.bucket,
        key: at.key,
        ...head,
        lastModified: head.lastModified.toISOString(),
      });
    });

  obs
    .command('cat')
    .description('write the content of an object to stdout')
    .argument('<url>', 'obs://bucket/key')
    .action(async (url: string, _options, command: Command) => {
      const at = needUrl(url);
      const { body, content } = await (await contextOf(command).obs()).open(at);
      const check = contentCheck(content);
      body.on('data', (chunk: Buffer) => check.update(chunk));
      await pipeline(body, process.stdout, { end: false }).catch(error => {
        throw obsFailure(error);
      });
      if (check.verdict() === 'different') throw damaged(at);
    });

  obs
    .command('du')
    .description('how much lies in each bucket, or in each folder below obs://bucket/prefix/')
    .argument('[url]', 'obs://bucket/prefix/')
    .action(async (url: string | undefined, _options, command: Command) => {
      const context = contextOf(command);
      const rows = await usage(await context.obs(), url === undefined ? undefined : needUrl(url));
      const total = {
        place: 'total',
        objects: rows.reduce((sum, row) => sum + row.objects, 0),
        bytes: rows.reduce((sum, row) => sum + row.bytes, 0),
      };
      printRows(context.format, [...rows, total], {
        Place: row => row.place,
        Objects: row => row.objects,
        Size: row => bytes(row.bytes),
      });
    });

  obs
    .command('find')
    .description('objects by name, size and age')
    .argument('<url>', 'obs://bucket/prefix/')
    .option('--name <glob>', 'last part of the key, or with a slash the path below the prefix')
    .option('--min-size <size>', 'at least this large: 500, 64K, 10M, 2G', byteCount)
    .option('--max-size <size>', 'at most this large', byteCount)
    .option('--newer-than <age>', 'written less than this ago: 30m, 12h, 7d, 4w', age)
    .option('--older-than <age>', 'written more than this ago', age)
    .addHelpText(
      'after',
      "\nExample:\n  ./atelier obs find obs://my-bucket/ --name '*.pt' --min-size 1G --older-than 4w",
    )
    .action(async (url: string, options: FindOptions, command: Command) => {
      const context = contextOf(command);
      const at = needUrl(url);
      const wanted = finder(at, options, Date.now());
      const found: ObsEntry[] = [];
      for await (const entry of (await context.obs()).walk(at)) if (wanted(entry)) found.push(entry);
      printRows(context.format, found, {
        Key: row => row.key,
        Size: row => bytes(row.size),
        Modified: row => row.lastModified.toISOString(),
      });
    });

  obs
    .command('verify')
    .description('read objects and compare them with their checksums; ends with 1 when one is damaged')
    .argument('[url]', 'obs://bucket/prefix; all buckets when absent')
    .action(async (url: string | undefined, _options, command: Command) => {
      const context = contextOf(command);
      const client = await context.obs();
      const places = url ? [needUrl(url)] : (await client.buckets()).map(({ name }) => ({ bucket: name, key: '' }));
      const bar = transferProgress(`verify ${url ?? 'all buckets'}`, { quiet: context.quiet });
      const found = await verifyObjects(client, places, bar.update).finally(bar.done);
      if (context.format === 'json' || found.damaged.length === 0) {
        printOne(context.format, { ...found, damaged: context.format === 'json' ? found.damaged : 0 });
      } else {
        printRows(context.format, found.damaged, { Object: row => obsUrlText(row), Reason: row => row.reason });
      }
      if (found.damaged.length > 0) throw damageFound(found);
    });
}

function noSuchObject(at: ObsUrl): Failure {
  return new Failure({
    code: 'NoSuchKey',
    status: 404,
    message: `There is no object ${obsUrlText(at)}.`,
    solution: `What is there: atelier obs ls ${obsUrlText({ ...at, key: at.key.slice(0, at.key.lastIndexOf('/') + 1) })}`,
  });
}

/** Objects and bytes by bucket, or by what stands first below a prefix. */
async function usage(client: ObsClient, at: ObsUrl | undefined) {
  const rows = new Map<string, { place: string; objects: number; bytes: number }>();
  const places = at ? [at] : (await client.buckets()).map(({ name }) => ({ bucket: name, key: '' }));
  for (const place of places) {
    if (!at) rows.set(place.bucket, { place: obsUrlText(place), objects: 0, bytes: 0 });
    for await (const { key, size } of client.walk(place)) {
      const folder = /^[^/]*\/?/.exec(key.slice(place.key.length))![0];
      const name = at ? folder : place.bucket;
      const row = rows.get(name) ?? { place: obsUrlText({ ...place, key: place.key + folder }), objects: 0, bytes: 0 };
      rows.set(name, { ...row, objects: row.objects + 1, bytes: row.bytes + size });
    }
  }
  return [...rows.values()].sort((a, b) => b.bytes - a.bytes);
}

function finder(at: ObsUrl, options: FindOptions, now: number): (entry: ObsEntry) => boolean {
  const folder = at.key.slice(0, at.key.lastIndexOf('/') + 1);
  const named = options.name === undefined ? undefined : globMatcher(options.name);
  const { minSize = 0, maxSize = Number.POSITIVE_INFINITY, newerThan, olderThan } = options;
  return ({ key, size, lastModified }) => {
    const old = now - lastModified.getTime();
    return (
      (named?.(key.slice(folder.length)) ?? true) &&
      size >= minSize &&
      size <= maxSize &&
      (newerThan === undefined || old < newerThan) &&
      (olderThan === undefined || old > olderThan)
    );
  };
}
