import type { Command } from 'commander';
import { PlatformClient, type Service } from '../../client/platform.ts';
import { Failure } from '../../kernel/failure.ts';
import { contextOf } from '../context.ts';
import { badArgument, nameAndValue, repeatable, wholeNumber } from '../options.ts';
import { printOne, printRows } from '../output.ts';
import { startProgress } from '../progress.ts';

const DEPLOY_TIMEOUT_MS = 120 * 60_000;

/** `atelier service deploy|list|show|logs|events|start|stop|delete`. */
export function addService(service: Command): void {
  service
    .command('deploy')
    .description('deploy a model as a real-time service and wait until it runs')
    .requiredOption('--name <name>', 'service name')
    .addOption(repeatable('--model <id[=weight]>', 'model id; of several, each with its share of the calls: id=70'))
    .option('--flavor <id>', 'size of an instance', 'modelarts.vm.cpu.1u')
    .option('--instances <n>', 'instances per model', wholeNumber(1), 1)
    .addOption(repeatable('--env <name=value>', 'environment variable'))
    .option('--timeout <seconds>', 'give up deploying after so long', wholeNumber(1), 1200)
    .option('--no-wait', 'return at once')
    .action(async (options: DeployOptions, command: Command) => {
      if (options.model.length === 0) throw badArgument('There is no model to deploy.', 'Name one with --model <id>');
      const context = contextOf(command);
      const client = new PlatformClient(context.session);
      const { service_id } = await client.createService({
        service_name: options.name,
        infer_type: 'real-time',
        config: options.model.map(text => {
          const [id, weight] = text.split('=');
          if (options.model.length > 1 && !/^\d+$/.test(weight ?? '')) {
            throw badArgument(
              `"${text}" has no weight.`,
              'With several models, give each its share of 100: --model id=70',
            );
          }
          return {
            model_id: id,
            weight: Number(weight ?? 100),
            specification: options.flavor,
            instance_count: options.instances,
            deploy_timeout_in_seconds: options.timeout,
            envs: Object.fromEntries(options.env.map(text => nameAndValue(text))),
          };
        }),
      });
      if (options.wait) await waitRunning(client, service_id, { quiet: context.quiet });
      const deployed = await client.service(service_id);
      printOne(context.format, { id: service_id, status: deployed.status, address: deployed.access_address });
    });

  service
    .command('list')
    .description('list services')
    .option('--name <text>', 'only names that contain it')
    .action(async (options: { name?: string }, command: Command) => {
      const context = contextOf(command);
      printRows(context.format, await new PlatformClient(context.session).services(options.name), {
        Id: row => row.service_id,
        Name: row => row.service_name,
        Status: row => row.status,
        Calls: row => row.invocation_times,
        Failed: row => row.failed_times,
      });
    });

  single(service, 'show', 'everything known of one service', async (client, found, context) => {
    printOne(context.format, { ...(await client.service(found.service_id)) });
  });
  single(service, 'events', 'what happened to a service', async (client, found, context) => {
    printRows(context.format, await client.serviceEvents(found.service_id), {
      Time: row => row.time,
      Kind: row => row.level,
      Event: row => row.text,
    });
  });
  single(service, 'stop', 'stop a service', async (client, found, context) => {
    await client.updateService(found.service_id, { status: 'stopped' });
    const ended = await client.until(
      () => client.service(found.service_id),
      state => state.status === 'stopped',
      180_000,
      'Stopping the service',
    );
    printOne(context.format, { id: found.service_id, status: ended.status });
  });
  single(service, 'start', 'start a stopped service and wait until it runs', async (client, found, context) => {
    await client.updateService(found.service_id, { status: 'running' });
    await waitRunning(client, found.service_id, { quiet: context.quiet });
    printOne(context.format, { id: found.service_id, status: 'running' });
  });
  single(service, 'delete', 'delete a service', async (client, found, context) => {
    await client.deleteService(found.service_id);
    printOne(context.format, { deleted: found.service_id });
  });

  service
    .command('logs')
    .description('what the instances of a service print')
    .argument('<service>', 'id or name')
    .option('--tail <n>', 'last lines', wholeNumber(1), 200)
    .action(async (name: string, options: { tail: number }, command: Command) => {
      const client = new PlatformClient(contextOf(command).session);
      const found = await client.findService(name);
      process.stdout.write(await client.serviceLogs(found.service_id, options.tail));
    });
}

interface DeployOptions {
  name: string;
  model: string[];
  flavor: string;
  instances: number;
  env: string[];
  timeout: number;
  wait: boolean;
}

function single(
  parent: Command,
  name: string,
  description: string,
  run: (client: PlatformClient, found: Service, context: ReturnType<typeof contextOf>) => Promise<void>,
): void {
  parent
    .command(name)
    .description(description)
    .argument('<service>', 'id or name')
    .action(async (idOrName: string, _options, command: Command) => {
      const context = contextOf(command);
      const client = new PlatformClient(context.session);
      await run(client, await client.findService(idOrName), context);
    });
}

/** Waits until a service runs. Throws Failure with the reason when it failed. */
export async function waitRunning(client: PlatformClient, id: string, options: { quiet: boolean }): Promise<Service> {
  const bar = startProgress('deploying', options);
  try {
    const service = await client.until(
      async () => {
        const state = await client.service(id);
        bar.update((state.progress ?? 0) / 100, state.status);
        return state;
      },
      state => ['running', 'failed', 'stopped', 'concerning'].includes(state.status),
      DEPLOY_TIMEOUT_MS,
      'Deploying the service',
    );
    if (service.status === 'running' || service.status === 'concerning') return service;
    throw new Failure({
      code: 'ModelArts.3501',
      status: 500,
      message: `The service is ${service.status}: ${service.error_msg ?? 'no reason was recorded'}`,
      solution: `atelier service events ${id} and atelier service logs ${id} tell more.`,
    });
  } finally {
    bar.done();
  }
}
