import { Command, Option } from 'commander';
import packageInfo from '../../package.json' with { type: 'json' };
import { addAuthorize } from './commands/authorize.ts';
import { addCompletion } from './commands/completion.ts';
import { addDemo } from './commands/demo.ts';
import { addLogin } from './commands/login.ts';
import { addPredict } from './commands/predict.ts';
import { addServer } from './commands/server.ts';
import { badArgument } from './options.ts';

/** Commands under one word. What they need takes a while to load, so it is when they are wanted. */
interface Group {
  name: string;
  about: string;
  add(command: Command): Promise<void>;
}

const GROUPS: readonly Group[] = [
  {
    name: 'iam',
    about: 'who may do what: users, groups, policies, agencies, audit',
    async add(command) {
      const { iamGroups, iamLeaves } = await import('./commands/iam.ts');
      await addLeaves(command, iamGroups, iamLeaves);
    },
  },
  {
    name: 'account',
    about: 'accounts of the installation, for whoever runs it',
    add: async command => addLeaves(command, {}, (await import('./commands/account.ts')).accountLeaves),
  },
  {
    name: 'workspace',
    about: 'workspaces: who may enter, quotas',
    add: async command => addLeaves(command, {}, (await import('./commands/workspace.ts')).workspaceLeaves),
  },
  {
    name: 'enterprise-project',
    about: 'enterprise projects, in which policies are granted and to which workspaces are bound',
    add: async command =>
      addLeaves(command, {}, (await import('./commands/enterprise-project.ts')).enterpriseProjectLeaves),
  },
  {
    name: 'quota',
    about: 'how much a workspace or a user may run at the same time',
    add: async command => addLeaves(command, {}, (await import('./commands/quota.ts')).quotaLeaves),
  },
  {
    name: 'pool',
    about: 'dedicated pools: shares of the machine for a project, and their nodes',
    add: async command => addLeaves(command, {}, (await import('./commands/pool.ts')).poolLeaves),
  },
  {
    name: 'network',
    about: 'networks of dedicated pools',
    add: async command => addLeaves(command, {}, (await import('./commands/network.ts')).networkLeaves),
  },
  {
    name: 'keypair',
    about: 'key pairs, by which SSH opens notebook instances',
    add: async command => addLeaves(command, {}, (await import('./commands/keypair.ts')).keypairLeaves),
  },
  {
    name: 'api',
    about: 'call any operation by its name; --list shows them all',
    add: async command => (await import('./commands/api.ts')).addApi(command),
  },
  {
    name: 'obs',
    about: 'object storage: buckets, files, transfers',
    add: async command => (await import('./commands/obs.ts')).addObs(command),
  },
  {
    name: 'train',
    about: 'training jobs',
    add: async command => (await import('./commands/train.ts')).addTrain(command),
  },
  {
    name: 'model',
    about: 'AI applications (models)',
    add: async command => (await import('./commands/model.ts')).addModel(command),
  },
  {
    name: 'notebook',
    about: 'notebook instances: Jupyter in the browser',
    add: async command => (await import('./commands/notebook.ts')).addNotebook(command),
  },
  {
    name: 'service',
    about: 'real-time services',
    add: async command => (await import('./commands/service.ts')).addService(command),
  },
];

async function addLeaves(...input: Parameters<typeof import('./leaves.ts').addLeaves>): Promise<void> {
  (await import('./leaves.ts')).addLeaves(...input);
}

async function addGroup(program: Command, group: Group, words: readonly string[] | undefined): Promise<void> {
  const command = program.command(group.name).description(group.about);
  // The script of `completion` is made from all of them.
  if (!words || words.includes(group.name) || words.includes('completion')) await group.add(command);
}

/** The command line as a whole; nothing runs yet. `words`: what was typed, to leave out what cannot be meant; all when absent. */
export async function createProgram(words?: readonly string[]): Promise<Command> {
  const program = new Command('atelier')
    .description('An open, self-hosted ML platform, wire-compatible with Huawei Cloud ModelArts.')
    .version(packageInfo.version)
    .addOption(new Option('--output <format>', 'how results are printed').choices(['table', 'json']).default('table'))
    .option('--profile <name>', 'saved login to use; "local" is the installation of this machine')
    .showHelpAfterError('(atelier --help lists all commands)')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      'after',
      `
Exit codes: 0 when it is done, 1 when it failed, 3 when status finds no ready platform.
atelier <command> --help tells more of each command.`,
    );

  addServer(program);
  addDemo(program);
  program
    .command('test')
    .description('install what the tests need and run all of them; ./atelier does it')
    .action(() => {
      throw badArgument('The tests are run by the launcher.', './atelier test');
    });
  addLogin(program);
  addAuthorize(program);
  for (const group of GROUPS) await addGroup(program, group, words);
  addPredict(program);
  addCompletion(program);
  return program;
}
