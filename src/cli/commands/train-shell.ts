import type { Command } from 'commander';
import { PlatformClient } from '../../client/platform.ts';
import { attachTerminal, sizeOf } from '../../client/terminal.ts';
import { contextOf } from '../context.ts';

/** `atelier train shell`. */
export function addTrainShell(train: Command): void {
  train
    .command('shell')
    .description('a terminal in the container of a running job (Cloud Shell); jobs of dedicated pools alone')
    .argument('<job>', 'id or name')
    .option('--task <task>', 'which of its tasks', 'worker-0')
    .action(async (name: string, options: { task: string }, command: Command) => {
      const context = contextOf(command);
      const { session } = context;
      const job = await new PlatformClient(session).findJob(name);
      const local = { input: process.stdin, output: process.stdout };
      const { createTrainingJobShell } = await import('../../resources/training-jobs/shell.api.ts');
      const shell = await session.call(createTrainingJobShell, {
        params: { training_job_id: job.metadata.id, task_id: options.task },
        body: sizeOf(local),
      });
      const url = new URL(shell.path, session.profile.endpoints.api);
      url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
      const end = await attachTerminal(url.href, local);
      if (end.exitCode === undefined && !context.quiet) process.stderr.write(`\n${end.reason}\n`);
      process.exitCode = end.exitCode ?? 1;
    });
}
