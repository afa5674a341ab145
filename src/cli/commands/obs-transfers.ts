import { type Command, Option } from 'commander';
import { type Place, planSync } from '../../client/obs-sync.ts';
import { type ObsUrl, parseObsUrl } from '../../client/obs-url.ts';
import type { PathRule } from '../../client/path-filter.ts';
import type { TransferResult } from '../../client/transfer-run.ts';
import { contextOf } from '../context.ts';
import { badArgument } from '../options.ts';
import { bytes, printOne, printRows, printSkipped, seconds } from '../output.ts';
import { transferProgress } from '../progress.ts';

/** `atelier obs cp|sync`. */
export function addTransfers(obs: Command): void {
  obs
    .command('cp')
    .description('copy files or trees: local to obs://, obs:// to local, obs:// to obs://')
    .argument('<from>', 'file or directory, or obs://bucket/key-or-prefix/')
    .argument('<to>', 'obs://bucket/key-or-prefix/, or file or directory')
    .addHelpText(
      'after',
      `
Large files go in parts. Interrupted, the same command goes on where it stopped.

Examples:
  ./atelier obs cp ./data obs://my-bucket/data/
  ./atelier obs cp obs://my-bucket/data/ ./copy`,
    )
    .action(async (from: string, to: string, _options, command: Command) => {
      const source = parseObsUrl(from);
      const target = parseObsUrl(to);
      if (!source && !target) throw badArgument(...NEITHER_IS_OBS, 'atelier obs cp ./data obs://bucket/data/');
      const context = contextOf(command);
      const client = await context.obs();
      const bar = transferProgress(`${from} → ${to}`, { quiet: context.quiet });
      let result: TransferResult;
      try {
        if (source && target) result = await client.copy(source, target, bar.update);
        else if (source) result = await client.download(source, to, bar.update);
        else result = await client.upload(from, target!, bar.update);
      } finally {
        bar.done();
      }
      printSkipped(result.skipped);
      printOne(context.format, {
        files: result.files,
        bytes: result.bytes,
        ...(result.keptBytes > 0 ? { resumedBytes: result.keptBytes } : {}),
        ...(result.skipped.length > 0 ? { skipped: result.skipped.length } : {}),
        from,
        to,
      });
    });

  // One list for both: which comes last matters.
  const rules: PathRule[] = [];
  const rule = (include: boolean) => (glob: string) => {
    rules.push({ include, glob });
    return rules;
  };
  obs
    .command('sync')
    .description('make a directory or folder what another is, copying only what differs')
    .argument('<from>', 'directory or obs://bucket/prefix/')
    .argument('<to>', 'obs://bucket/prefix/ or directory')
    .option('--delete', 'remove from the target what the source does not have')
    .option('--dry-run', 'show what would be done, and do nothing')
    .option('--checksum', 'compare contents, not sizes and times')
    .addOption(new Option('--exclude <glob>', 'leave out what matches (repeatable)').argParser(rule(false)))
    .addOption(new Option('--include <glob>', 'take what matches (repeatable)').argParser(rule(true)))
    .addHelpText(
      'after',
      `
The last --exclude or --include that matches decides. *.tmp is about names anywhere, logs/ about all below such a
directory, a/**/b.txt about paths. What is left out is not deleted either.

Examples:
  ./atelier obs sync ./data obs://my-bucket/data/ --exclude '*.tmp'
  ./atelier obs sync obs://my-bucket/models/ ./models --delete --dry-run`,
    )
    .action(async (from: string, to: string, options: { delete?: true; dryRun?: true; checksum?: true }, command) => {
      const [source, target] = [placeOf(from), placeOf(to)];
      if ('dir' in source && 'dir' in target) {
        throw badArgument(...NEITHER_IS_OBS, 'atelier obs sync ./data obs://bucket/data/');
      }
      const context = contextOf(command);
      const started = performance.now();
      const plan = await planSync(await context.obs(), source, target, { ...options, rules });
      if (options.dryRun) {
        printSkipped(plan.skipped);
        printRows(context.format, plan.steps, {
          Action: step => step.action,
          Path: step => step.path,
          Size: step => bytes(step.size),
          Why: step => step.why,
        });
        return;
      }
      const bar = transferProgress(`${from} → ${to}`, { quiet: context.quiet });
      let result: Awaited<ReturnType<typeof plan.run>>;
      try {
        result = await plan.run(bar.update);
      } finally {
        bar.done();
      }
      printSkipped(result.skipped);
      printSkipped(
        result.failed.map(({ path, failure }) => ({ path, reason: failure.message })),
        'failed',
      );
      const duration = (performance.now() - started) / 1000;
      const json = context.format === 'json';
      printOne(context.format, {
        copied: result.files,
        bytes: json ? result.bytes : bytes(result.bytes),
        deleted: result.deleted,
        unchanged: plan.unchanged,
        skipped: result.skipped.length,
        failed: result.failed.length,
        ...(json ? { seconds: duration } : { took: seconds(duration) }),
      });
      if (result.failed.length > 0) process.exitCode = 1;
    });
}

const NEITHER_IS_OBS = ['At least one of the two places must be an obs:// address.'] as const;

function placeOf(text: string): Place {
  const url: ObsUrl | undefined = parseObsUrl(text);
  return url ? { url } : { dir: text };
}
