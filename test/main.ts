import { spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Runs everything that CI runs: format and lint, types, boundaries, unused code, the checked-in API document, the Python
 * runtime's tests, unit tests, and the tests against real containers.
 * `./atelier test [--only unit,e2e,…] [--soak] [--list] [pattern …]`; patterns select test files by part of their path.
 */

const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const node = process.execPath;
const environment = {
  ...process.env,
  PATH: `${dirname(node)}:${process.env.PATH}:/usr/sbin:/sbin`,
  NODE_NO_WARNINGS: '1',
  FORCE_COLOR: process.stdout.isTTY ? '1' : '0',
};

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
}

interface Stage {
  name: string;
  what: string;
  /** Takes long: runs only where it is asked for. */
  optional?: boolean;
  run(patterns: readonly string[]): Promise<Outcome>;
}

const MINIMUM_MODULES = 100;

const stages: Stage[] = [
  { name: 'format', what: 'format and lint', run: () => tool([bin('biome'), 'ci', '.']) },
  {
    name: 'types',
    what: 'types, of the server and of the console',
    run: async () => {
      const server = await tool([bin('tsc'), '--noEmit']);
      const pages = await tool([bin('tsc'), '--noEmit', '-p', 'src/console/tsconfig.json']);
      return sumOf(server, pages);
    },
  },
  { name: 'boundaries', what: 'who may import whom', run: boundaries },
  { name: 'unused', what: 'unused code', run: () => tool([bin('knip')]) },
  { name: 'openapi', what: 'docs/openapi.json is current', run: () => tool([node, 'test/openapi.ts', '--check']) },
  { name: 'python', what: 'the Python runtime', run: python },
  {
    name: 'unit',
    what: 'unit tests',
    run: patterns => nodeTests(['src/**/*.test.ts'], patterns, availableParallelism()),
  },
  {
    name: 'scenarios',
    what: 'the document’s scenarios',
    run: patterns => nodeTests(['test/scenarios/*.test.ts'], patterns, availableParallelism()),
  },
  { name: 'clients', what: 'official clients', run: patterns => nodeTests(['test/clients/*.test.ts'], patterns, 1) },
  {
    name: 'browser',
    what: 'a real browser',
    // Two at once, as pages wait for a server more than they compute; but with containers alone, as below.
    run: async patterns => {
      const containers = 'test/browser/notebook.test.ts';
      const others = await nodeTests(['test/browser/*.test.ts'], patterns, Math.min(2, availableParallelism()), [
        containers,
      ]);
      return sumOf(others, await nodeTests([containers], patterns, 1));
    },
  },
  {
    name: 'e2e',
    what: 'real containers',
    // Most of the time is waiting. A browser loses requests beside containers that come and go: to it the machine's network has changed.
    run: async patterns => {
      const pages = 'test/e2e/*-console.test.ts';
      const others = await nodeTests(['test/e2e/*.test.ts'], patterns, Math.min(2, availableParallelism()), [pages]);
      return sumOf(others, await nodeTests([pages], patterns, 1));
    },
  },
  {
    name: 'soak',
    what: 'hundreds of crashes; only with --soak or --only soak',
    optional: true,
    run: patterns => nodeTests(['test/soak/*.test.ts'], patterns, 1),
  },
];

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(
    `Usage: ./atelier test [--only stage,stage] [--soak] [pattern ...]\n\nStages:\n${stages.map(stage => `  ${stage.name.padEnd(11)} ${stage.what}`).join('\n')}\n`,
  );
  process.exit(0);
}
const onlyAt = args.indexOf('--only');
const only = onlyAt >= 0 ? new Set(args[onlyAt + 1]?.split(',')) : undefined;
const patterns = args.filter((arg, at) => !arg.startsWith('--') && !(onlyAt >= 0 && at === onlyAt + 1));
const wanted = stages.filter(stage =>
  only
    ? only.has(stage.name)
    : stage.optional
      ? args.includes('--soak')
      : patterns.length === 0 || /unit|scenarios|clients|browser|e2e/.test(stage.name),
);
if (only && wanted.length !== only.size) {
  process.stderr.write(`Unknown stage in --only. Known: ${stages.map(stage => stage.name).join(', ')}\n`);
  process.exit(2);
}

const sum: Outcome = { passed: 0, failed: 0, skipped: 0 };
const table: string[] = [];
for (const stage of wanted) {
  process.stdout.write(`\n━━ ${stage.name}: ${stage.what}\n`);
  const started = performance.now();
  const outcome = await stage.run(patterns);
  const took = ((performance.now() - started) / 1000).toFixed(1);
  table.push(
    `${outcome.failed > 0 ? '✘' : '✔'} ${stage.name.padEnd(11)} ${took.padStart(7)} s  ${outcome.passed} passed, ${outcome.failed} failed`,
  );
  sum.passed += outcome.passed;
  sum.failed += outcome.failed;
  sum.skipped += outcome.skipped;
}
process.stdout.write(`\n${table.join('\n')}\n\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`);
process.exit(sum.failed > 0 || sum.passed === 0 ? 1 : 0);

/** Runs a program, passing its output on and keeping it. */
function run(command: readonly string[], options: { quiet?: boolean } = {}): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: root,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (data: Buffer, stream: NodeJS.WriteStream) => {
      output += data.toString();
      if (!options.quiet) stream.write(data);
    };
    child.stdout.on('data', data => keep(data, process.stdout));
    child.stderr.on('data', data => keep(data, process.stderr));
    child.once('error', reject);
    child.once('close', code => resolve({ code: code ?? 1, output }));
  });
}

async function tool(command: readonly string[]): Promise<Outcome> {
  const { code } = await run(command);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

/** A boundary check that looked at nothing must not pass. */
async function boundaries(): Promise<Outcome> {
  const { code, output } = await run([bin('depcruise'), '--config', '.dependency-cruiser.cjs', 'src']);
  const cruised = Number(/(\d+) modules/.exec(output)?.[1] ?? 0);
  const good = code === 0 && cruised >= MINIMUM_MODULES;
  if (code === 0 && !good) process.stdout.write(`Only ${cruised} modules were looked at.\n`);
  return { passed: good ? 1 : 0, failed: good ? 0 : 1, skipped: 0 };
}

async function python(): Promise<Outcome> {
  const interpreter = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
  const { code, output } = await run([
    interpreter,
    '-m',
    'unittest',
    'discover',
    '-s',
    'runtimes/python/tests',
    '-t',
    'runtimes/python',
  ]);
  const ran = Number(/Ran (\d+) tests?/.exec(output)?.[1] ?? 0);
  const failed = code === 0 ? 0 : Math.max(count(output, /failures=(\d+)/) + count(output, /errors=(\d+)/), 1);
  return {
    passed: ran - Math.min(failed, ran),
    failed: ran === 0 ? 1 : failed,
    skipped: count(output, /skipped=(\d+)/),
  };
}

async function nodeTests(
  globs: readonly string[],
  patterns: readonly string[],
  concurrency: number,
  except: string[] = [],
): Promise<Outcome> {
  const files = globs
    .flatMap(pattern => globSync(pattern, { cwd: root, exclude: except }))
    .filter(file => patterns.length === 0 || patterns.some(pattern => file.includes(pattern)))
    .sort();
  if (files.length === 0) return { passed: 0, failed: patterns.length === 0 ? 1 : 0, skipped: 0 };
  const { code, output } = await run([
    node,
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${concurrency}`,
    ...files,
  ]);
  const passed = count(output, /ℹ pass (\d+)/);
  const failed = count(output, /ℹ fail (\d+)/) + count(output, /ℹ cancelled (\d+)/);
  return { passed, failed: code === 0 ? failed : Math.max(failed, 1), skipped: count(output, /ℹ skipped (\d+)/) };
}

function sumOf(one: Outcome, other: Outcome): Outcome {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  };
}

function count(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}
