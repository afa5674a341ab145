import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type ObsUrl, parseObsUrl } from '../../client/obs-url.ts';
import type { CommandContext } from '../context.ts';
import { badArgument, nameAndValue } from '../options.ts';
import { transferProgress } from '../progress.ts';

/** The size of a job's nodes when none is named. */
export const DEFAULT_FLAVOR = 'modelarts.vm.cpu.2u';
/** Shown below the help of `train submit`. */
export const SUBMIT_EXAMPLE = `
Example:
  atelier train submit --name digits --code ./code --boot train.py --param epochs=3 \\
    --input data_url=obs://my-bucket/data/ --output-to train_url=obs://my-bucket/out/ --follow`;

/** The options of `train submit`. */
export interface SubmitOptions {
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
  flavor?: string;
  maxHours?: number;
  uploadTo?: string;
  nodes: number;
  pool?: string;
  priority?: number;
  preemptible?: boolean;
  retries?: number;
  retryAlways?: boolean;
  retryHang?: boolean;
  resume?: boolean;
  follow?: boolean;
}

/** The body of the request that creates the job; local code is uploaded first. */
export async function jobBody(options: SubmitOptions, context: CommandContext): Promise<unknown> {
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
    metadata: { name: options.name, annotations: annotations(options) },
    algorithm: {
      code_dir: codeDir,
      ...(options.image
        ? { command: options.command, engine: { image_url: options.image } }
        : { boot_file: codeDir + options.boot, engine: { engine_id: options.engine } }),
      parameters: options.param.map(pair).map(([name, value]) => ({ name, value })),
      environments: Object.fromEntries(options.env.map(pair)),
      inputs: options.input.map(pair).map(channel),
      outputs: outputs.map(output => ({ ...channel(output), ...(options.resume ? { prefetch_to_local: true } : {}) })),
    },
    spec: {
      resource: resource(options, options.pool && (await poolId(context.session, options.pool))),
      ...(options.priority || options.preemptible
        ? { schedule_policy: { priority: options.priority ?? 1, preemptible: options.preemptible ?? false } }
        : {}),
      ...(options.maxHours ? { auto_stop: { time_unit: 'HOURS', duration: options.maxHours } } : {}),
    },
  };
}

/** The schemas of pools take a while to load, and few jobs name one. */
async function poolId(session: CommandContext['session'], name: string): Promise<string> {
  return (await import('./pool.ts')).poolNamed(session, name);
}

/** In a pool a job without a flavor has whole nodes; elsewhere it has the default one. */
function resource(options: SubmitOptions, pool: string | undefined): unknown {
  const flavor = options.flavor ?? (options.pool ? undefined : DEFAULT_FLAVOR);
  return {
    ...(flavor ? { flavor_id: flavor } : {}),
    ...(pool ? { pool_id: pool } : {}),
    node_count: options.nodes,
  };
}

function annotations(options: SubmitOptions): Record<string, string> {
  return {
    ...(options.retries ? { 'fault-tolerance/job-retry-num': String(options.retries) } : {}),
    ...(options.retryAlways ? { 'fault-tolerance/job-unconditional-retry': 'true' } : {}),
    ...(options.retryHang ? { 'fault-tolerance/hang-retry': 'true' } : {}),
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
  await (await context.obs()).upload(options.code, target, state => bar.update(state));
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
