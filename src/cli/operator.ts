import { join } from 'node:path';
import { readSettings } from '../app/env.ts';
import { homePaths, readOperatorKey } from '../app/home.ts';
import { readServerFile } from '../app/server-file.ts';
import { Session } from '../client/session.ts';
import { Failure } from '../kernel/failure.ts';
import { chooseProfile } from './profile.ts';

/**
 * A session of whoever runs the installation: with ATELIER_OPERATOR_KEY at the platform of the profile, else with the key of the data
 * directory at the platform of this machine, and nowhere else, so that the key never leaves it. Throws Failure where there is no key.
 */
export function operatorSession(profileName: string | undefined): Session {
  const bare = { region: '', projectId: '' };
  const fromEnvironment = process.env.ATELIER_OPERATOR_KEY;
  if (fromEnvironment) {
    return new Session({ ...bare, endpoints: chooseProfile(profileName).endpoints, operatorKey: fromEnvironment });
  }
  const paths = homePaths(readSettings(process.env).home);
  const operatorKey = readOperatorKey(paths);
  const server = readServerFile(paths.serverFile);
  const isLocal = profileName === undefined || profileName === 'local';
  if (isLocal && operatorKey && server) return new Session({ ...bare, endpoints: server.endpoints, operatorKey });
  const why = !isLocal
    ? `The key of this machine is not sent to the platform of profile "${profileName}".`
    : operatorKey
      ? 'No platform runs on this machine.'
      : 'The key of whoever runs the installation is not here.';
  throw new Failure({
    code: 'Atelier.NoOperatorKey',
    status: 403,
    message: `Accounts are managed by whoever runs the installation. ${why}`,
    solution:
      isLocal && operatorKey
        ? './atelier up --detach starts it.'
        : `Run this on the machine of the installation as the user that runs it, or set ATELIER_OPERATOR_KEY to the content of ${join('$ATELIER_HOME', 'secrets', 'operator.key')} there.`,
  });
}
