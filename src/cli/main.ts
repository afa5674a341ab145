import { printError } from './output.ts';
import { createProgram } from './program.ts';

// The reader of a pipe may have had enough: atelier train logs … | head
process.stdout.on('error', error => {
  process.exit((error as NodeJS.ErrnoException).code === 'EPIPE' ? 0 : 1);
});

try {
  await (await createProgram(process.argv.slice(2))).parseAsync(process.argv);
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
