import { rmSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import packageInfo from '../../package.json' with { type: 'json' };
import { errorText, Failure } from '../kernel/failure.ts';
import { createLog } from '../kernel/log.ts';
import { readSettings, type Settings } from './env.ts';
import { homePaths, lockHome, prepareHome } from './home.ts';
import { startPlatform } from './platform.ts';

/** Runs the server in this process until it is told to stop. Throws Failure when it cannot start. */
export async function runServer(settings: Settings): Promise<void> {
  const log = createLog(settings.logLevel);
  const paths = homePaths(settings.home);
  prepareHome(paths);
  const lock = lockHome(paths);
  const platform = await startPlatform(settings, { log, version: packageInfo.version });
  if (platform.newCredentials) {
    process.stderr.write(
      `First start: account ${platform.newCredentials.account}, its password and access key are in ${paths.credentials}\n`,
    );
  }
  process.stderr.write(`Atelier is ready at ${platform.endpoints.api}\n`);
  flushCompileCache(); // for the next start, however this one ends; nothing where no cache is set
  await new Promise<void>(resolve => {
    let stopping = false;
    const stop = (signal: string) => {
      if (stopping) return;
      stopping = true;
      log.info({ signal }, 'stopping');
      platform
        .stop()
        .catch(error => log.error({ err: error }, 'the platform did not stop cleanly'))
        .finally(() => {
          rmSync(paths.serverFile, { force: true });
          lock.release();
          resolve();
        });
    };
    process.once('SIGTERM', () => stop('SIGTERM'));
    process.once('SIGINT', () => stop('SIGINT'));
  });
}

if (import.meta.main) {
  try {
    await runServer(readSettings(process.env));
  } catch (error) {
    process.stderr.write(`atelier: ${errorText(error)}\n`);
    if (error instanceof Failure && error.solution) process.stderr.write(`  → ${error.solution}\n`);
    if (!(error instanceof Failure) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  }
  process.exit(0);
}
