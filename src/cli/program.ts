import { Command, Option } from 'commander';
import packageInfo from '../../package.json' with { type: 'json' };
import { addAccount } from './commands/account.ts';
import { addApi } from './commands/api.ts';
import { addAuthorize } from './commands/authorize.ts';
import { addCompletion } from './commands/completion.ts';
import { addDemo } from './commands/demo.ts';
import { addIam } from './commands/iam.ts';
import { addLogin } from './commands/login.ts';
import { addModel } from './commands/model.ts';
import { addObs } from './commands/obs.ts';
import { addPredict } from './commands/predict.ts';
import { addServer } from './commands/server.ts';
import { addService } from './commands/service.ts';
import { addTrain } from './commands/train.ts';
import { badArgument } from './options.ts';

/** The command line as a whole; nothing runs yet. */
export function createProgram(): Command {
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
  addIam(program);
  addAccount(program);
  addObs(program);
  addTrain(program);
  addModel(program);
  addService(program);
  addPredict(program);
  addApi(program);
  addCompletion(program);
  return program;
}
