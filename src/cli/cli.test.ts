import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from './program.ts';

interface Run {
  code: number;
  out: string;
  err: string;
}

/** A person's machine: a home and a configuration of their own, and the command line on it. */
function machine(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-cli-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const main = new URL('./main.ts', import.meta.url).pathname;
  const run = (args: string[], env: Record<string, string> = {}) =>
    new Promise<Run>(resolve => {
      const child = execFile(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', main, ...args],
        {
          cwd: dir,
          env: {
            PATH: process.env.PATH,
            HOME: dir,
            XDG_CONFIG_HOME: join(dir, 'config'),
            ATELIER_HOME: join(dir, 'home'),
            // What was compiled for one command is there for the next.
            NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(dir, 'compiled'),
            ...env,
          },
        },
        (error, out, err) => resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err }),
      );
      child.stdin?.end();
    });
  return { dir, run };
}

test('each command explains itself, its arguments and its options', async () => {
  let seen = 0;
  const look = (command: Command, path: string) => {
    seen += 1;
    const help = command.helpInformation();
    assert.match(help, /^Usage: atelier/, path);
    assert.notEqual(command.description(), '', path);
    for (const option of command.options) assert.ok(option.description, `${path} ${option.flags}`);
    for (const argument of command.registeredArguments)
      assert.ok(argument.description || argument.argChoices, `${path} ${argument.name()}`);
    assert.doesNotMatch(help, /default: \[\]/, path);
    for (const child of command.commands) look(child, `${path} ${child.name()}`);
  };
  look(await createProgram(), 'atelier');
  assert.ok(seen > 30);
});

test('a command loads what it needs: neither the server nor what other commands need', async t => {
  const { dir, run } = machine(t);
  const tell = join(dir, 'tell.mjs');
  writeFileSync(
    tell,
    `import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    process.on('exit', () => process.stderr.write(loaded.join('\\n')));`,
  );
  const packages = async (...words: string[]) => {
    const { err } = await run(words, { NODE_OPTIONS: `--import=${tell}` });
    return new Set([...err.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)].map(([, name]) => name!));
  };
  for (const words of [
    ['service', 'list'],
    ['train', 'list'],
    ['up', '--help'],
    ['obs', '--help'],
  ]) {
    const needed = await packages(...words);
    assert.ok(needed.has('commander'));
    for (const name of ['typebox', 'kysely', 'fastify', 'ajv'])
      assert.ok(!needed.has(name), `${words.join(' ')}: ${name}`);
  }
});

/** The commands that are made from operations, as they are typed. */
async function madeFromOperations(): Promise<{ usage: string; about: string; help: string; words: string[] }[]> {
  const program = await createProgram();
  const below = (command: Command, words: string[]): ReturnType<typeof usageOf>[] =>
    command.commands.length === 0
      ? [usageOf(command, words)]
      : command.commands.flatMap(child => below(child, [...words, child.name()]));
  const usageOf = (command: Command, words: string[]) => {
    const args = command.registeredArguments.map(argument => {
      const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
      return argument.required ? `<${name}>` : `[${name}]`;
    });
    let help = '';
    command.configureOutput({ writeOut: text => (help += text) }).outputHelp();
    return { usage: [...words, ...args].join(' '), about: command.description(), help, words };
  };
  const names = ['iam', 'account', 'workspace', 'enterprise-project', 'keypair'];
  return program.commands
    .filter(command => names.includes(command.name()))
    .flatMap(command => below(command, [command.name()]));
}

test('the guide has a line for each command that is made from operations', async () => {
  const guide = readFileSync(new URL('../../docs/guide/cli.md', import.meta.url), 'utf8');
  const lines = (await madeFromOperations()).map(({ usage, about }) => `| \`${usage}\` | ${about} |`);
  assert.ok(lines.length > 80);
  const missing = lines.filter(line => !guide.includes(`\n${line}\n`));
  assert.deepEqual(missing, [], `docs/guide/cli.md lacks:\n${missing.join('\n')}`);
});

test('each of them shows an example of itself, and tells which operation it calls by which action', async () => {
  for (const { words, help } of await madeFromOperations()) {
    const [, example] = /Example:\n {2}\.\/atelier (.*)/.exec(help) ?? [];
    assert.ok(example?.replace('--output json ', '').startsWith(words.join(' ')), `${words.join(' ')}: ${example}`);
    if (words.join(' ') !== 'iam policy lint') assert.match(help, /Calls:\n {2}\w+ {2}\S/, words.join(' '));
  }
});

test('--help and --version succeed on stdout', async t => {
  const { run } = machine(t);
  for (const [args, says] of [
    [['train', 'submit', '--help'], /Usage: atelier train submit[\s\S]*Example:/],
    [['--version'], /^\d+\.\d+\.\d+\n$/],
  ] as const) {
    const { code, out, err } = await run([...args]);
    assert.deepEqual({ code, err }, { code: 0, err: '' });
    assert.match(out, says);
  }
});

test('the completion script is accepted by bash and completes commands and options', async t => {
  const { run, dir } = machine(t);
  writeFileSync(join(dir, 'completion.sh'), (await run(['completion', 'bash'])).out);
  const complete = (...words: string[]) =>
    new Promise<string[]>((resolve, reject) => {
      const script = `source ./completion.sh; COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _atelier; printf '%s\\n' "\${COMPREPLY[@]}"`;
      execFile('bash', ['-c', script], { cwd: dir }, (error, out) =>
        error ? reject(error) : resolve(out.trim().split('\n')),
      );
    });
  assert.ok((await complete('atelier', 'tr')).includes('train'));
  assert.ok((await complete('atelier', 'train', 'sub')).includes('submit'));
  assert.deepEqual(await complete('atelier', 'train', 'submit', '--fol'), ['--follow']);
  assert.ok((await complete('atelier', 'iam', 'gr')).includes('grant'));
  assert.deepEqual(await complete('atelier', 'iam', 'grant', 'add', '--enter'), ['--enterprise-project']);
  assert.ok((await complete('atelier', 'api', 'CreateTrain')).includes('CreateTrainingJob'));
});

for (const [args, says] of [
  [['nonsense'], /unknown command 'nonsense'/],
  [['train', 'list', '--limit', 'abc'], /--limit.*'abc' is invalid.*whole number from 1 to 50/],
  [['train', 'submit', '--name', 'x'], /--code <dir>' not specified/],
  [['service', 'deploy', '--name', 'x', '--model', 'm', '--instances', '0'], /--instances.*at least 1/],
  [['service', 'deploy', '--name', 'x'], /no model.*\n.*--model/],
  [['model', 'create', '--name', 'x'], /either --job or --from/],
  [['predict', 'x'], /nothing to send.*\n.*--file/],
  [['predict', 'x', '--file', 'image'], /"image" is not of the form key=value/],
  [['obs', 'cp', 'a', 'b'], /one of the two places must be an obs:\/\/ address/],
  [['--output', 'yaml', 'profile'], /Allowed choices are table, json/],
  [['login', '--api', 'nonsense', '--account', 'a', '--password', 'p'], /"nonsense" is not the address.*\n.*http:\/\//],
  [['login', '--api', 'localhost:7080', '--account', 'a', '--password', 'p'], /"localhost:7080" is not the address/],
  [
    ['login', '--api', 'http://127.0.0.1:1', '--account', 'a', '--password', 'p'],
    /127\.0\.0\.1:1 does not answer.*\n.*atelier/,
  ],
  [['login'], /cannot be asked without a terminal/],
  [['train', 'list'], /No platform runs here and no login is saved.*\n.*atelier up --detach/],
  [['--profile', 'work', 'train', 'list'], /no profile "work".*\n.*atelier login --name work/],
  [['--profile', 'local', 'train', 'list'], /No platform runs on this machine.*\n.*atelier up/],
  [['test'], /\.\/atelier test/],
  [['iam', 'mode', 'lax'], /'lax' is invalid.*Allowed choices are strict, loose/],
  [['iam', 'grant', 'add', '--group', 'g'], /--policy <name...>' not specified/],
  [['iam', 'group', 'delete', 'g'], /cannot be undone.*\n.*--yes/],
  [['account', 'list'], /key of whoever runs the installation is not here.*\n.*ATELIER_OPERATOR_KEY/],
  [['login', '--id-token', 'token.jwt'], /Of which identity provider.*\n.*--provider/],
] as const) {
  test(`atelier ${args.join(' ')}: fails, saying what is wrong and what to do`, async t => {
    const { run } = machine(t);
    const result = await run([...args]);
    assert.equal(result.code, 1);
    assert.equal(result.out, '');
    assert.match(result.err, says);
    assert.doesNotMatch(result.err, /\n\s+at /);
  });
}

test('status tells by its exit code and as JSON that nothing runs, without leaving anything behind', async t => {
  const { run, dir } = machine(t);
  const result = await run(['status', '--json'], { ATELIER_PORT: '18080' });
  assert.equal(result.code, 3);
  const status = JSON.parse(result.out);
  assert.equal(status.ready, false);
  assert.equal(status.endpoints.inference, 'http://127.0.0.1:18083');
  assert.equal(existsSync(join(dir, 'home')), false);
  const bad = await run(['status'], { ATELIER_PORT: 'http' });
  assert.equal(bad.code, 1);
  assert.match(bad.err, /ATELIER_PORT is "http"; it must be a whole number from 1 to 65531/);
});

const endpoints = { api: 'http://127.0.0.1:1', obs: 'http://127.0.0.1:2', inference: 'http://127.0.0.1:4' };

test('saved logins are chosen by name, else the current one; damaged ones are told', async t => {
  const { run, dir } = machine(t);
  const file = join(dir, 'config', 'atelier', 'profiles.json');
  mkdirSync(join(dir, 'config', 'atelier'), { recursive: true });
  const profile = (port: number) => ({
    endpoints: { ...endpoints, api: `http://127.0.0.1:${port}` },
    region: 'local-1',
    projectId: 'p',
    token: 't',
  });
  writeFileSync(file, JSON.stringify({ current: 'work', profiles: { work: profile(1), home: profile(2) } }));
  const none = { ATELIER_HOME: '' };
  assert.match((await run(['train', 'list'], none)).err, /127\.0\.0\.1:1 does not answer/);
  assert.match((await run(['--profile', 'home', 'train', 'list'], none)).err, /127\.0\.0\.1:2 does not answer/);
  assert.match((await run(['train', 'list', '--profile', 'home'], none)).err, /127\.0\.0\.1:2 does not answer/);
  assert.match((await run(['--profile', 'toString', 'train', 'list'], none)).err, /no profile "toString"/);
  const listed = await run(['--output', 'json', 'profile'], none);
  assert.deepEqual(
    (JSON.parse(listed.out) as { name: string; current: boolean }[]).map(({ name, current }) => [name, current]),
    [
      ['work', true],
      ['home', false],
    ],
  );
  assert.doesNotMatch(listed.out, /token/);
  assert.match((await run(['logout', 'work'], none)).err, /"work" is forgotten/);
  assert.equal((statSync(file).mode & 0o777).toString(8), '600');
  assert.doesNotMatch((await run(['profile'], none)).out, /work/);
  writeFileSync(file, '{');
  const damaged = await run(['train', 'list'], none);
  assert.equal(damaged.code, 1);
  assert.match(damaged.err, /profiles\.json cannot be read.*\n.*atelier login/);
});

test('the installation of this machine is used where ATELIER_HOME names it, before a saved login', async t => {
  const { run, dir } = machine(t);
  mkdirSync(join(dir, 'home'));
  mkdirSync(join(dir, 'config', 'atelier'), { recursive: true });
  writeFileSync(
    join(dir, 'config', 'atelier', 'profiles.json'),
    JSON.stringify({ current: 'work', profiles: { work: { endpoints, region: 'r', projectId: 'p', token: 't' } } }),
  );
  writeFileSync(
    join(dir, 'home', 'server.json'),
    JSON.stringify({ pid: 1, endpoints: { ...endpoints, api: 'http://127.0.0.1:9' } }),
  );
  const credentials = {
    account: 'a',
    user: 'a',
    password: 'p',
    accessKey: 'AK',
    secretKey: 'SK',
    projectId: 'p',
    region: 'r',
  };
  writeFileSync(join(dir, 'home', 'credentials.json'), JSON.stringify(credentials));
  assert.match((await run(['train', 'list'])).err, /127\.0\.0\.1:9 does not answer/);
  assert.match((await run(['--profile', 'work', 'train', 'list'])).err, /127\.0\.0\.1:1 does not answer/);
});

test('a local code directory is looked at before anything is sent', async t => {
  const { run, dir } = machine(t);
  mkdirSync(join(dir, 'home'));
  mkdirSync(join(dir, 'code'));
  writeFileSync(join(dir, 'home', 'server.json'), JSON.stringify({ pid: 1, endpoints }));
  const credentials = {
    account: 'a',
    user: 'a',
    password: 'p',
    accessKey: 'AK',
    secretKey: 'SK',
    projectId: 'p',
    region: 'r',
  };
  writeFileSync(join(dir, 'home', 'credentials.json'), JSON.stringify(credentials));
  const submit = (...more: string[]) => run(['train', 'submit', '--name', 'x', ...more]);
  assert.match((await submit('--code', 'nowhere', '--boot', 'train.py')).err, /nowhere is not a directory/);
  assert.match((await submit('--code', 'code', '--boot', 'train.py')).err, /no file train\.py in code/);
  assert.match((await submit('--code', 'code')).err, /needs a boot file/);
  assert.match((await submit('--code', 'code', '--image', 'x:1')).err, /needs the command/);
  writeFileSync(join(dir, 'code', 'train.py'), '');
  assert.match((await submit('--code', 'code', '--boot', 'train.py')).err, /needs a place on OBS.*\n.*--upload-to/);
});
