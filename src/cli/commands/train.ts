import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { type ObsUrl, parseObsUrl } from '../../client/obs.ts';
import { isFinal, PlatformClient, type TrainingJob } from '../../client/platform.ts';
import { type CommandContext, contextOf } from '../context.ts';
import { badArgument, nameAndValue, repeatable, wholeNumber } from '../options.ts';
import { printOne, printRows, seconds } from '../output.ts';
import { transferProgress } from '../progress.ts';
import { addTrainShell } from './train-shell.ts';

/** The engine that `submit` uses when none is named: what the preset image really holds. */
export const DEFAULT_ENGINE = 'pytorch_1.13.1-cpu-py_3.11-debian_12-x86_64';

/** `atelier train submit|list|show|logs|events|shell|stop|delete`. */
export function addTrain(program: Command): void {
  const train = program.command('train').description('training jobs');

  train
    .command('submit')
    .description('create a training job; a local code directory is uploaded first')
    .requiredOption('--name <name>', 'job name')
    .requiredOption('--code <dir>', 'code directory: obs://bucket/dir/ or a local directory')
    .option('--boot <file>', 'boot file, relative to the code directory; needed with a preset image')
    .addOption(repeatable('--input <name=url>', 'input channel: data_url=obs://bucket/data/'))
    .addOption(repeatable('--output-to <name=url>', 'output channel: train_url=obs://bucket/out/'))
    .addOption(repeatable('--param <name=value>', 'hyperparameter'))
    .addOption(repeatable('--env <name=value>', 'environment variable'))
    .option('--engine <id>', 'preset image', DEFAULT_ENGINE)
    .option('--image <ref>', 'custom image instead of a preset one; needs --command')
    .option('--command <text>', 'command for a custom image')
    .option('--flavor <id>', 'size: modelarts.vm.cpu.<n>u has n vCPUs', 'modelarts.vm.cpu.2u')
    .option('--max-hours <n>', 'stop it after so many hours', wholeNumber(1))
    .option('--upload-to <url>', 'where a local code directory goes (default: beside the first output)')
    .option('-f, --follow', 'stream its log and wait for its end; the exit code is 0 only when it completed')
    .addHelpText('after', SUBMIT_EXAMPLE)
    .action(async (options: SubmitOptions, command: Command) => {
      const context = contextOf(command);
      const client = new PlatformClient(context.session);
      const job = await client.createJob(await jobBody(options, context));
      if (options.follow) {
        await follow(client, job.metadata.id, context);
        return;
      }
      printOne(context.format, { id: job.metadata.id, name: job.metadata.name, phase: job.status.phase });
    });

  train
    .command('list')
    .description('list jobs, newest first')
    .option('--name <text>', 'only names that contain it')
    .option('--phase <phase>', 'only this phase: Pending, Running, Completed, Failed, Terminated, …')
    .option('--limit <n>', 'how many', wholeNumber(1, 50), 20)
    .action(async (options: { name?: string; phase?: string; limit: number }, command: Command) => {
      const context = contextOf(command);
      const jobs = await new PlatformClient(context.session).jobs(options);
      printRows(context.format, jobs, {
        Id: row => row.metadata.id,
        Name: row => row.metadata.name,
        Phase: row => row.status.phase,
        Why: row => row.status.queue?.reason ?? row.status.task_statuses?.[0]?.message ?? '',
        Duration: row => seconds((row.status.duration ?? 0) / 1000),
        Created: row => new Date(row.metadata.create_time).toISOString(),
      });
    });

  train
    .command('show')
    .description('everything known of one job')
    .argument('<job>', 'id or name')
    .action(async (name: string, _options, command: Command) => {
      const context = contextOf(command);
      const job = await new PlatformClient(context.session).findJob(name);
      printOne(context.format, { ...job.metadata, ...job.status, spec: job.spec });
    });

  train
    .command('logs')
    .description('print the log of a job')
    .argument('<job>', 'id or name')
    .option('-f, --follow', 'go on until the job ends; the exit code is 0 only when it completed')
    .action(async (name: string, options: { follow?: boolean }, command: Command) => {
      const context = contextOf(command);
      const client = new PlatformClient(context.session);
      const job = await client.findJob(name);
      if (options.follow) {
        await follow(client, job.metadata.id, context);
        return;
      }
      let offset = 0;
      for (;;) {
        const part = await client.logFrom(job.metadata.id, 'worker-0', offset);
        process.stdout.write(part.content);
        if (part.next_offset === offset) break;
        offset = part.next_offset;
      }
    });

  train
    .command('events')
    .description('what happened to a job')
    .argument('<job>', 'id or name')
    .action(async (name: string, _options, command: Command) => {
      const context = contextOf(command);
      const client = new PlatformClient(context.session);
      const job = await client.findJob(name);
      printRows(context.format, await client.jobEvents(job.metadata.id), {
        Time: row => row.time,
        Level: row => row.level,
        Event: row => row.text,
      });
    });

  addTrainShell(train);

  train
    .command('stop')
    .description('terminate a job and wait until it has ended')
    .argument('<job>', 'id or name')
    .action(async (name: string, _options, command: Command) => {
      const context = contextOf(command);
      const client = new PlatformClient(context.session);
      const { metadata } = await client.findJob(name);
      await client.terminateJob(metadata.id);
      const ended = await client.until(
        () => client.job(metadata.id),
        job => isFinal(job.status.phase),
        120_000,
        'Terminating the job',
      );
      printOne(context.format, { id: metadata.id, phase: ended.status.phase });
    });

  train
    .command('delete')
    .description('delete an ended job')
    .argument('<job>', 'id or name')
    .action(async (name: string, _options, command: Command) => {
      const context = contextOf(command);
      const client = new PlatformClient(context.session);
      const { metadata } = await client.findJob(name);
      await client.deleteJob(metadata.id);
      printOne(context.format, { deleted: metadata.id });
    });
}

const SUBMIT_EXAMPLE = `
Example:
  atelier train submit --name digits --code ./code --boot train.py --param epochs=3 \\
    --input data_url=obs://my-bucket/data/ --output-to train_url=obs://my-bucket/out/ --follow`;

interface SubmitOptions {
  name: string;
  code: string;
  boot?: string;
  input: string[];
  outputTo: string[];
  param: string[];
  env: string[];
  engine: string;
  image?: string;
  command?: string;
  flavor: string;
  maxHours?: number;
  uploadTo?: string;
  follow?: boolean;
}

async function jobBody(options: SubmitOptions, context: CommandContext): Promise<unknown> {
  if (options.image && !options.command) {
    throw badArgument(
      'A custom image needs the command that trains.',
      'Add --command, e.g. --command "python train.py"',
    );
  }
  if (!options.image && !options.boot) {
    throw badArgument('A preset image needs a boot file.', 'Add --boot, e.g. --boot train.py');
  }
  const outputs = options.outputTo.map(pair);
  const codeDir = await codeOnObs(options, outputs[0]?.[1], context);
  const channel = ([name, url]: [string, string]) => ({ name, remote: { obs: { obs_url: obsPath(url) } } });
  return {
    kind: 'job',
    metadata: { name: options.name },
    algorithm: {
      code_dir: codeDir,
      ...(options.image
        ? { command: options.command, engine: { image_url: options.image } }
        : { boot_file: codeDir + options.boot, engine: { engine_id: options.engine } }),
      parameters: options.param.map(pair).map(([name, value]) => ({ name, value })),
      environments: Object.fromEntries(options.env.map(pair)),
      inputs: options.input.map(pair).map(channel),
      outputs: outputs.map(channel),
    },
    spec: {
      resource: { flavor_id: options.flavor, node_count: 1 },
      ...(options.maxHours ? { auto_stop: { time_unit: 'HOURS', duration: options.maxHours } } : {}),
    },
  };
}

/** The code directory as a path on OBS, uploaded first when it is local. */
async function codeOnObs(
  options: SubmitOptions,
  firstOutput: string | undefined,
  context: CommandContext,
): Promise<string> {
  if (parseObsUrl(options.code)) return obsPath(options.code, true);
  if (!statSync(options.code, { throwIfNoEntry: false })?.isDirectory()) {
    throw badArgument(
      `${options.code} is not a directory of this machine.`,
      'Give --code a directory or obs://bucket/dir/',
    );
  }
  if (options.boot && !existsSync(join(options.code, options.boot))) {
    throw badArgument(`There is no file ${options.boot} in ${options.code}.`, '--boot is relative to --code.');
  }
  const target = options.uploadTo ? parseObsUrl(options.uploadTo) : besides(firstOutput, options);
  if (!target) {
    throw badArgument('A local code directory needs a place on OBS.', 'Name one with --upload-to obs://bucket/code/');
  }
  const bar = transferProgress(`upload ${options.code}`, { quiet: context.quiet });
  await context.obs().upload(options.code, target, state => bar.update(state));
  bar.done();
  return `/${join(target.bucket, target.key, '/')}`;
}

function besides(output: string | undefined, options: SubmitOptions): ObsUrl | undefined {
  const url = output ? parseObsUrl(output) : undefined;
  return url && { bucket: url.bucket, key: `code/${options.name}/${basename(options.code)}/` };
}

function obsPath(text: string, directory = false): string {
  const url = parseObsUrl(text);
  const path = url ? `/${url.bucket}/${url.key}` : text;
  return directory && !path.endsWith('/') ? `${path}/` : path;
}

const pair = (text: string) => nameAndValue(text);

async function follow(client: PlatformClient, id: string, context: CommandContext): Promise<void> {
  let said = '';
  const job = await client.followLog(
    id,
    text => process.stdout.write(text),
    state => {
      const line = stateLine(state);
      if (line !== said && !context.quiet) process.stderr.write(`${line}\n`);
      said = line;
    },
  );
  if (job.status.phase !== 'Completed') process.exitCode = 1;
}

/** The state of a job as one line, with the reason where it waits or failed. */
export function stateLine(job: TrainingJob): string {
  const why = job.status.queue?.reason ?? job.status.task_statuses?.map(task => task.message).find(Boolean);
  return `[${job.metadata.name}] ${job.status.phase}${why && job.status.phase !== 'Running' ? `: ${why}` : ''}`;
}
