import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Session } from '../../client/session.ts';
import { Failure } from '../../kernel/failure.ts';
import { NOTEBOOK_IMAGE_ID } from '../../resources/images/image.api.ts';
import * as api from '../../resources/notebooks/notebook.api.ts';
import { contextOf } from '../context.ts';
import { badArgument, wholeNumber } from '../options.ts';
import { printOne, printRows } from '../output.ts';
import { startProgress } from '../progress.ts';
import { poolNamed } from './pool.ts';

const HOUR_MS = 3_600_000;
const POLL_MS = 300;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** An instance as answers show it. */
interface Shown {
  id: string;
  name: string;
  status: string;
  flavor: string;
  url?: string;
  token?: string;
  fail_reason?: string;
  action_progress: { status: string; step_description: string }[];
  lease: Record<string, unknown>;
  volume: Record<string, unknown>;
  user: Record<string, unknown>;
}

/** `atelier notebook create|list|show|start|stop|delete|open|renew|logs`. */
export function addNotebook(notebook: Command): void {
  notebook
    .command('create')
    .description('create an instance and wait until it can be used')
    .argument('<name>', 'letters, digits, hyphens and underscores')
    .option('--image <id>', 'image; the preset one with PyTorch when left out', NOTEBOOK_IMAGE_ID)
    .option('--flavor <id>', 'size of the instance', 'modelarts.vm.cpu.2u')
    .option('--disk <GB>', 'size of its storage', wholeNumber(5), 5)
    .option('--pool <name>', 'name or id of a dedicated resource pool')
    .option('--hours <n>', 'stop by itself after so many hours', wholeNumber(1), 1)
    .option('--idle', 'count the hours from when somebody last worked in it')
    .option('--no-wait', 'return at once')
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const context = contextOf(command);
      const made = (await context.session.call(api.createNotebook, {
        body: {
          name,
          image_id: options.image,
          flavor: options.flavor,
          ...(options.pool ? { pool_id: await poolNamed(context.session, options.pool) } : {}),
          volume: { category: 'EVS', ownership: 'MANAGED', capacity: options.disk },
          lease: { type: options.idle ? 'idle' : 'timing', duration: options.hours * HOUR_MS },
        },
      })) as Shown;
      const shown = options.wait ? await until(context.session, made.id, 'RUNNING', context.quiet) : made;
      printOne(context.format, summary(shown));
    });

  notebook
    .command('list')
    .description('list your instances')
    .option('--all', 'those of all users')
    .action(async (options: { all?: boolean }, command: Command) => {
      const context = contextOf(command);
      const found = await all(context.session, options.all ?? false);
      printRows(context.format, found, {
        ID: shown => shown.id,
        NAME: shown => shown.name,
        STATUS: shown => shown.status,
        FLAVOR: shown => shown.flavor,
        OWNER: shown => shown.user.name,
      });
    });

  one('show', 'show an instance', async ({ session, format }, { id }) => {
    printOne(format, summary((await session.call(api.showNotebook, { params: { id } })) as Shown));
  });
  one('stop', 'stop an instance; files under /home/ma-user/work stay', async ({ session, format, quiet }, { id }) => {
    await session.call(api.stopNotebook, { params: { id } });
    printOne(format, summary(await until(session, id, 'STOPPED', quiet)));
  });
  one('delete', 'delete an instance with all its files', async ({ session, format }, { id, name }) => {
    await session.call(api.deleteNotebook, { params: { id } });
    printOne(format, { id, name, status: 'DELETING' });
  });
  one('open', 'print the address that opens an instance in a browser', async ({ session }, { id }) => {
    const shown = (await session.call(api.showNotebook, { params: { id } })) as Shown;
    if (!shown.url) {
      throw new Failure({
        code: 'Atelier.NotOpen',
        status: 400,
        message: `The instance ${shown.name} is ${shown.status}, or belongs to somebody else.`,
        solution: `Start it with: atelier notebook start ${shown.name}`,
      });
    }
    process.stdout.write(`${shown.url}?token=${shown.token}\n`);
  });

  named('start', 'start a stopped instance and wait until it can be used')
    .option('--hours <n>', 'stop by itself after so many hours', wholeNumber(1))
    .action(async (name: string, options: { hours?: number }, command: Command) => {
      const { session, format, quiet } = contextOf(command);
      const { id } = await find(session, name);
      const query = options.hours ? { duration: options.hours * HOUR_MS } : {};
      await session.call(api.startNotebook, { params: { id }, query });
      printOne(format, summary(await until(session, id, 'RUNNING', quiet)));
    });

  named('renew', 'let a running instance go on for some hours from now')
    .option('--hours <n>', 'hours from now', wholeNumber(1), 1)
    .action(async (name: string, options: { hours: number }, command: Command) => {
      const { session, format } = contextOf(command);
      const { id } = await find(session, name);
      const lease = await session.call(api.showLease, { params: { id } });
      const idle = lease.type === 'IDLE';
      // What `timing` counts from is the start of the run.
      const passed = idle ? 0 : Date.now() - lease.create_at;
      const body = {
        duration: Math.ceil(passed) + options.hours * HOUR_MS - (idle || options.hours < 24 ? 0 : 60_000),
      };
      const renewed = await session.call(api.renewLease, { params: { id }, body });
      printOne(format, { id, type: renewed.type, stops: idle ? `${options.hours} h idle` : time(renewed) });
    });

  named('logs', 'show what happened to an instance, and its last output')
    .option('--lines <n>', 'lines of output', wholeNumber(1), 50)
    .action(async (name: string, options: { lines: number }, command: Command) => {
      const { session } = contextOf(command);
      const { id } = await find(session, name);
      const { events } = await session.call(api.listNotebookEvents, {
        params: { id },
        query: { order: 'asc', limit: 1000 },
      });
      for (const event of events) process.stdout.write(`${event.time} ${event.level.padEnd(7)} ${event.message}\n`);
      const { content } = await session.call(api.showNotebookLog, { params: { id }, query: { lines: options.lines } });
      if (content !== '') process.stdout.write(`\n${content}\n`);
    });

  function named(name: string, about: string): Command {
    return notebook.command(name).description(about).argument('<name>', 'name or id of the instance');
  }
  function one(
    name: string,
    about: string,
    work: (context: ReturnType<typeof contextOf>, found: Shown) => Promise<void>,
  ): void {
    named(name, about).action(async (given: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      await work(context, await find(context.session, given));
    });
  }
}

interface CreateOptions {
  image: string;
  flavor: string;
  disk: number;
  pool?: string;
  hours: number;
  idle?: boolean;
  wait: boolean;
}

async function all(session: Session, everybody: boolean): Promise<Shown[]> {
  const found: Shown[] = [];
  for (;;) {
    const query = { limit: 100, offset: found.length };
    const page = await session.call(everybody ? api.listAllNotebooks : api.listNotebooks, { query });
    found.push(...(page.data as unknown as Shown[]));
    if (page.data.length === 0 || found.length >= page.total) return found;
  }
}

/** The instance of that id, or the only one of that name among one's own. */
async function find(session: Session, given: string): Promise<Shown> {
  if (ID.test(given)) return (await session.call(api.showNotebook, { params: { id: given } })) as Shown;
  const matching = (await all(session, false)).filter(({ name }) => name === given);
  if (matching.length === 1) return matching[0]!;
  throw badArgument(
    matching.length === 0 ? `You have no notebook instance "${given}".` : `Several instances are named "${given}".`,
    matching.length === 0 ? 'atelier notebook list' : `Name one by its id: ${matching.map(({ id }) => id).join(', ')}`,
  );
}

/** Waits for a status, showing which part is under way. Throws Failure with the reason where it failed. */
async function until(session: Session, id: string, status: string, quiet: boolean): Promise<Shown> {
  const progress = startProgress('notebook', { quiet });
  try {
    for (;;) {
      const shown = (await session.call(api.showNotebook, { params: { id } })) as Shown;
      if (shown.status === status) return shown;
      if (/FAILED|ERROR/.test(shown.status)) {
        throw new Failure({
          code: 'Atelier.NotebookFailed',
          status: 500,
          message: `The instance ${shown.name} is ${shown.status}: ${shown.fail_reason ?? 'see its events'}`,
          solution: `atelier notebook logs ${shown.name}`,
        });
      }
      const at = shown.action_progress.findIndex(part => part.status === 'PROCESSING');
      const text = at < 0 ? shown.status : (shown.action_progress[at]?.step_description ?? shown.status);
      progress.update(at < 0 ? 1 : at / shown.action_progress.length, text);
      await sleep(POLL_MS);
    }
  } finally {
    progress.done();
  }
}

function summary(shown: Shown) {
  const { id, name, status, flavor, lease, volume, user } = shown;
  return {
    id,
    name,
    status,
    flavor,
    storage: `${volume.capacity} GB`,
    owner: user.name,
    stops: `${lease.type} ${Math.round((Number(lease.duration) / HOUR_MS) * 10) / 10} h`,
    ...(shown.fail_reason ? { reason: shown.fail_reason } : {}),
    ...(shown.url ? { open: `${shown.url}?token=${shown.token}` } : {}),
  };
}

function time(lease: { create_at: number; duration: number }): string {
  return new Date(lease.create_at + lease.duration).toISOString();
}
