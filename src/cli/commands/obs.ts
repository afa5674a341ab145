import type { Command } from 'commander';
import { contextOf } from '../context.ts';
import { badArgument, needUrl } from '../options.ts';
import { bytes, printOne, printRows } from '../output.ts';
import { addInspection } from './obs-inspection.ts';
import { addTransfers } from './obs-transfers.ts';

/** `atelier obs …`: buckets and objects. */
export function addObs(obs: Command): void {
  obs
    .command('ls')
    .description('list buckets, or what lies below obs://bucket/prefix')
    .argument('[url]', 'obs://bucket/prefix')
    .option('-r, --recursive', 'everything below, not one level')
    .action(async (url: string | undefined, options: { recursive?: boolean }, command: Command) => {
      const context = contextOf(command);
      const client = await context.obs();
      if (!url) {
        printRows(context.format, await client.buckets(), {
          Bucket: row => `obs://${row.name}`,
          Created: row => row.created?.toISOString(),
        });
        return;
      }
      const at = needUrl(url);
      const rows: { key: string; size?: number; lastModified?: Date }[] = [];
      if (options.recursive) {
        for await (const entry of client.walk(at)) rows.push(entry);
      } else {
        const level = await client.list(at);
        rows.push(...level.folders.map(key => ({ key })), ...level.objects);
      }
      printRows(context.format, rows, {
        Key: row => row.key,
        Size: row => (row.size === undefined ? 'folder' : bytes(row.size)),
        Modified: row => row.lastModified?.toISOString(),
      });
    });

  addTransfers(obs);
  addInspection(obs);

  obs
    .command('rm')
    .description('delete an object, or with -r everything below a prefix')
    .argument('<url>', 'obs://bucket/key or obs://bucket/prefix/')
    .option('-r, --recursive', 'everything below the prefix')
    .action(async (url: string, options: { recursive?: boolean }, command: Command) => {
      const context = contextOf(command);
      const at = needUrl(url);
      if (!at.key && !options.recursive) {
        throw badArgument('That is a whole bucket.', 'Name an object, or add --recursive to delete everything in it.');
      }
      const deleted = await (await context.obs()).remove(at, options.recursive === true);
      printOne(context.format, { deleted });
    });

  obs
    .command('mb')
    .description('make a bucket')
    .argument('<url>', 'obs://bucket')
    .action(async (url: string, _options, command: Command) => {
      const context = contextOf(command);
      const { bucket } = needUrl(url);
      await (await context.obs()).createBucket(bucket);
      printOne(context.format, { bucket });
    });

  obs
    .command('rb')
    .description('remove a bucket; with --force together with everything in it')
    .argument('<url>', 'obs://bucket')
    .option('--force', 'delete its objects first')
    .action(async (url: string, options: { force?: boolean }, command: Command) => {
      const context = contextOf(command);
      const { bucket } = needUrl(url);
      const client = await context.obs();
      const deleted = options.force ? await client.remove({ bucket, key: '' }, true) : 0;
      await client.deleteBucket(bucket);
      printOne(context.format, { bucket, deletedObjects: deleted });
    });
}
