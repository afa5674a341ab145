import { Command, Option } from 'commander';
import packageInfo from '../../package.json' with { type: 'json' };
import { addCompletion } from './commands/completion.ts';
import { addDemo } from './commands/demo.ts';
import { addLogin } from './commands/login.ts';
import { addModel } from './commands/model.ts';
import { addObs } from './commands/obs.ts';
import { addPredict } from './commands/predict.ts';
import { addServer } from './commands/server.ts';
import { addService } from './commands/service.ts';
import { addTrain } from './commands/train.ts';
import { printError } from './output.ts';

const program = new Command('atelier')
  .description('An open, self-hosted ML platform, wire-compatible with Huawei Cloud ModelArts.')
  .version(packageInfo.version)
  .addOption(new Option('--output <format>', 'how results are printed').choices(['table', 'json']).default('table'))
  .option('--profile <name>', 'saved login to use; "local" is the installation of this machine')
  .showHelpAfterError('(atelier --help lists all commands)')
  .configureHelp({ showGlobalOptions: true });

addServer(program);
addDemo(program);
program
  .command('test')
  .description('install what the tests need and run all of them (by the launcher)')
  .helpOption('--help');
addLogin(program);
addObs(program);
addTrain(program);
addModel(program);
addService(program);
addPredict(program);
addCompletion(program);

try {
  await program.parseAsync(process.argv);
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
