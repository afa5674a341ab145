import type { Command } from 'commander';
import { contextOf } from '../context.ts';
import { wholeNumber } from '../options.ts';
import { seconds } from '../output.ts';

interface Options {
  data?: string;
  release?: boolean;
  clean?: boolean;
  json?: boolean;
  epochs?: number;
}

/** `atelier demo`: the handwritten-digit case, end to end. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('run the handwritten-digit case end to end: train, deploy, recognize')
    .option('--data <dir>', 'directory with the four real MNIST files (default: the UCI digits from Debian)')
    .option('--epochs <n>', 'epochs of training', wholeNumber(1, 1000))
    .option('--release', 'delete everything at the end')
    .option('--clean', 'delete what earlier runs left, and do nothing else')
    .option('--json', 'print results for a program: steps with seconds, ids, predictions')
    .action(async (options: Options, command: Command) => {
      const { demoBucket, releaseDemo, runDemo } = await import('../demo/demo.ts');
      const { createSteps } = await import('../demo/steps.ts');
      const quiet = options.json === true;
      if (options.clean) {
        const { PlatformClient } = await import('../../client/platform.ts');
        const context = contextOf(command);
        const bucket = demoBucket(context.session.profile.projectId);
        const removed = await releaseDemo(new PlatformClient(context.session), await context.obs(), bucket);
        process.stdout.write(options.json ? `${JSON.stringify({ removed })}\n` : `${removed}.\n`);
        return;
      }
      const steps = createSteps({ quiet });
      const started = performance.now();
      const result = await runDemo({ ...options, epochs: options.epochs?.toString(), quiet }, steps);
      const total = (performance.now() - started) / 1000;
      if (options.json) {
        process.stdout.write(`${JSON.stringify({ steps: steps.records, seconds: total, ...result }, null, 2)}\n`);
        return;
      }
      const { service, job, bucket } = result.ids;
      process.stdout.write(`
Done in ${seconds(total)}.
  API              ${result.endpoints.api}
  OBS (S3)         ${result.endpoints.obs}
  Inference        ${result.endpoints.inference}
  Credentials      ${result.credentialsFile}
${
  options.release
    ? ''
    : `
Try next:
  ./atelier train logs ${job}
  ./atelier service show ${service}
  ./atelier predict ${service} --file image=some-digit.png
  ./atelier obs ls -r obs://${bucket}
  ./atelier demo --clean
`
}`);
    });
}
