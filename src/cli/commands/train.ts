import type { Command } from 'commander';
import { isFinal, PlatformClient, type TrainingJob } from '../../client/platform.ts';
import { type CommandContext, contextOf } from '../context.ts';
import { repeatable, wholeNumber } from '../options.ts';
import { printOne, printRows, seconds } from '../output.ts';
import { addTrainShell } from './train-shell.ts';
import { DEFAULT_FLAVOR, jobBody, SUBMIT_EXAMPLE, type SubmitOptions } from './train-submit.ts';

/** The engine that `submit` uses when none is named: what the preset image really holds. */
export const DEFAULT_ENGINE = 'pytorch_1.13.1-cpu-py_3.11-debian_12-x86_64';

/** `atelier train submit|list|show|queue|priority|logs|events|shell|stop|delete`. */
export function addTrain(train: Command): void {
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
    .option('--flavor <id>', `size of a node: modelarts.vm.cpu.<n>u has n vCPUs (default: ${DEFAULT_FLAVOR})`)
    .option('--nodes <n>', 'nodes, each running the program once', wholeNumber(1, 100), 1)
    .option(
      '--pool <name>',
      'name or id of a dedicated pool; without --flavor a node of the job is a whole node of the pool',
    )
    .option('--priority <n>', 'in a dedicated pool: 3 goes before 2 before 1', wholeNumber(1, 3))
    .option('--preemptible', 'in a dedicated pool: may have to make way for a higher priority')
    .option('--retries <n>', 'run again, up to so many times, when a container or node fails', wholeNumber(1, 3))
    .option('--retry-always', 'with --retries: also when the program fails')
    .option('--retry-hang', 'with --retries: also when the job hangs')
    .option('--resume', 'bring what the outputs hold to the job before it starts')
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
        Why: row => waiting(row) ?? row.status.message ?? '',
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
    .command('queue')
    .description('jobs that wait, first the next one')
    .action(async (_options, command: Command) => {
      const context = contextOf(command);
      const jobs = await new PlatformClient(context.session).jobs({ phase: 'Pending' });
      const place = (job: TrainingJob) => job.status.queue?.position ?? -1;
      printRows(
        context.format,
        jobs.sort((left, right) => place(left) - place(right)),
        {
          Position: row => (place(row) < 0 ? '' : String(place(row))),
          Id: row => row.metadata.id,
          Name: row => row.metadata.name,
          Why: row => row.status.queue?.reason ?? row.status.secondary_phase ?? '',
          'Starts about': row => startOf(row),
        },
      );
    });

  train
    .command('priority')
    .description('give a job that waits in a dedicated pool another priority')
    .argument('<job>', 'id or name')
    .argument('<n>', '1, 2 or 3', wholeNumber(1, 3))
    .action(async (name: string, priority: number, _options, command: Command) => {
      const context = contextOf(command);
      const client = new PlatformClient(context.session);
      const { metadata } = await client.findJob(name);
      await client.prioritizeJob(metadata.id, priority);
      printOne(context.format, { id: metadata.id, priority });
    });

  train
    .command('logs')
    .description('print the log of a job')
    .argument('<job>', 'id or name')
    .option('--task <task>', 'of which node: worker-0, worker-1, …', 'worker-0')
    .option('-f, --follow', 'go on until the job ends; the exit code is 0 only when it completed')
    .action(async (name: string, options: { task: string; follow?: boolean }, command: Command) => {
      const context = contextOf(command);
      const client = new PlatformClient(context.session);
      const job = await client.findJob(name);
      if (options.follow) {
        await follow(client, job.metadata.id, context, options.task);
        return;
      }
      let offset = 0;
      for (;;) {
        const part = await client.logFrom(job.metadata.id, options.task, offset);
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

async function follow(client: PlatformClient, id: string, context: CommandContext, task?: string): Promise<void> {
  let said = '';
  const job = await client.followLog(
    id,
    text => process.stdout.write(text),
    state => {
      const line = stateLine(state);
      if (line !== said && !context.quiet) process.stderr.write(`${line}\n`);
      said = line;
    },
    task,
  );
  if (job.status.phase !== 'Completed') process.exitCode = 1;
}

/** Why a job waits, and about when it starts, or undefined. */
function waiting(job: TrainingJob): string | undefined {
  const { queue } = job.status;
  if (!queue) return undefined;
  const start = startOf(job);
  return start ? `${queue.reason} Starts about ${start}.` : queue.reason;
}

function startOf(job: TrainingJob): string {
  const start = job.status.queue?.estimated_start;
  return start === undefined ? '' : new Date(start).toISOString();
}

/** The state of a job as one line, with the reason where it waits or failed. */
export function stateLine(job: TrainingJob): string {
  const why = job.status.queue?.reason ?? job.status.task_statuses?.map(task => task.message).find(Boolean);
  return `[${job.metadata.name}] ${job.status.phase}${why && job.status.phase !== 'Running' ? `: ${why}` : ''}`;
}
