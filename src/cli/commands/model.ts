import type { Command } from 'commander';
import { PlatformClient } from '../../client/platform.ts';
import { Failure } from '../../kernel/failure.ts';
import { contextOf } from '../context.ts';
import { badArgument } from '../options.ts';
import { printOne, printRows } from '../output.ts';

const IMPORT_TIMEOUT_MS = 30 * 60_000;

/** `atelier model create|list|show|events|delete`. */
export function addModel(model: Command): void {
  model
    .command('create')
    .description('create a model from a training job or from OBS, and wait until it is published')
    .requiredOption('--name <name>', 'model name')
    .option('--model-version <x.y.z>', 'version', '0.0.1')
    .option('--job <job>', 'training job (id or name) whose output holds model/')
    .option('--from <url>', 'obs://bucket/dir that holds model/')
    .option('--type <type>', 'model type', 'PyTorch')
    .option('--no-wait', 'return at once')
    .action(async (options: CreateOptions, command: Command) => {
      if (!options.job === !options.from) {
        throw badArgument('A model comes either from a training job or from OBS.', 'Give either --job or --from.');
      }
      const context = contextOf(command);
      const client = new PlatformClient(context.session);
      const source = options.job
        ? { source_job_id: (await client.findJob(options.job)).metadata.id }
        : { source_location: options.from };
      const { model_id } = await client.createModel({
        model_name: options.name,
        model_version: options.modelVersion,
        model_type: options.type,
        install_type: ['real-time'],
        ...source,
      });
      if (options.wait) await waitPublished(client, model_id);
      const created = await client.model(model_id);
      printOne(context.format, {
        id: model_id,
        name: created.model_name,
        version: created.model_version,
        status: created.model_status,
      });
    });

  model
    .command('list')
    .description('list models')
    .option('--name <text>', 'only names that contain it')
    .action(async (options: { name?: string }, command: Command) => {
      const context = contextOf(command);
      printRows(context.format, await new PlatformClient(context.session).models(options.name), {
        Id: row => row.model_id,
        Name: row => row.model_name,
        Version: row => row.model_version,
        Status: row => row.model_status,
        Type: row => row.model_type,
      });
    });

  model
    .command('show')
    .description('everything known of one model')
    .argument('<id>', 'model id, as atelier model list shows it')
    .action(async (id: string, _options, command: Command) => {
      const context = contextOf(command);
      printOne(context.format, { ...(await new PlatformClient(context.session).model(id)) });
    });

  model
    .command('events')
    .description('what happened to a model')
    .argument('<id>', 'model id, as atelier model list shows it')
    .action(async (id: string, _options, command: Command) => {
      const context = contextOf(command);
      printRows(context.format, await new PlatformClient(context.session).modelEvents(id), {
        Time: row => row.time,
        Kind: row => row.level,
        Event: row => row.text,
      });
    });

  model
    .command('delete')
    .description('delete a model that no service uses')
    .argument('<id>', 'model id, as atelier model list shows it')
    .action(async (id: string, _options, command: Command) => {
      const context = contextOf(command);
      await new PlatformClient(context.session).deleteModel(id);
      printOne(context.format, { deleted: id });
    });
}

interface CreateOptions {
  name: string;
  modelVersion: string;
  job?: string;
  from?: string;
  type: string;
  wait: boolean;
}

/** Waits until a model is published. Throws Failure with the reason when its import failed. */
export async function waitPublished(client: PlatformClient, id: string): Promise<void> {
  const model = await client.until(
    () => client.model(id),
    state => !['publishing', 'building'].includes(state.model_status),
    IMPORT_TIMEOUT_MS,
    'Importing the model',
  );
  if (model.model_status === 'published') return;
  const events = await client.modelEvents(id);
  const why = events.filter(event => event.level === 'abnormal').at(-1)?.text ?? 'no reason was recorded';
  throw new Failure({ code: 'ModelArts.3006', status: 500, message: `The model could not be imported: ${why}` });
}
