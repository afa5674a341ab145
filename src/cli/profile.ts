import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { readSettings } from '../app/env.ts';
import { homePaths, readCredentials, writeDurably } from '../app/home.ts';
import { readServerFile } from '../app/server-file.ts';
import type { Profile } from '../client/session.ts';
import { errorText, Failure } from '../kernel/failure.ts';

interface ProfileFile {
  current: string;
  profiles: Record<string, Profile>;
}

/** Where logins are kept: readable by the user alone. */
export function profilesFile(): string {
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'atelier', 'profiles.json');
}

/** Where transfers of large files note how far they are. */
export function journalsDirectory(): string {
  return join(process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'atelier', 'transfers');
}

/** All saved logins. */
export function readProfiles(): ProfileFile {
  const file = profilesFile();
  if (!existsSync(file)) return { current: '', profiles: Object.create(null) };
  try {
    const { current, profiles } = JSON.parse(readFileSync(file, 'utf8')) as Partial<ProfileFile>;
    // Without a prototype: a profile may have any name.
    return { current: current ?? '', profiles: Object.assign(Object.create(null), profiles) };
  } catch (cause) {
    throw new Failure({
      code: 'Atelier.BadProfiles',
      status: 400,
      message: `The saved logins in ${file} cannot be read: ${errorText(cause)}`,
      solution: 'Delete that file, then run: atelier login',
      cause,
    });
  }
}

/** Saves a login under a name and makes it the current one. */
export function saveProfile(name: string, profile: Profile): void {
  const all = readProfiles();
  all.profiles[name] = profile;
  all.current = name;
  mkdirSync(dirname(profilesFile()), { recursive: true, mode: 0o700 });
  writeDurably(profilesFile(), `${JSON.stringify(all, null, 2)}\n`);
}

/** Forgets a login. */
export function removeProfile(name: string): boolean {
  const all = readProfiles();
  if (!all.profiles[name]) return false;
  delete all.profiles[name];
  if (all.current === name) all.current = '';
  writeDurably(profilesFile(), `${JSON.stringify(all, null, 2)}\n`);
  return true;
}

/** The profile of this machine's own installation: its root user, from the credentials file. */
export function localProfile(): Profile | undefined {
  const paths = homePaths(readSettings(process.env).home);
  const server = readServerFile(paths.serverFile);
  let credentials: ReturnType<typeof readCredentials>;
  try {
    credentials = readCredentials(paths.credentials);
  } catch {
    return undefined; // not ours to read
  }
  if (!server || !credentials) return undefined;
  return {
    endpoints: { api: server.endpoints.api, obs: server.endpoints.obs, inference: server.endpoints.inference },
    region: credentials.region,
    projectId: credentials.projectId,
    account: credentials.account,
    user: credentials.user,
    password: credentials.password,
    key: { access: credentials.accessKey, secret: credentials.secretKey },
  };
}

/**
 * The profile a command works with: the named one; else the installation's own when ATELIER_HOME is set or no login is saved;
 * else the current login. Throws Failure when there is none.
 */
export function chooseProfile(name: string | undefined): Profile {
  const saved = readProfiles();
  if (name) {
    const profile = name === 'local' ? localProfile() : saved.profiles[name];
    if (profile) return profile;
    throw new Failure({
      code: 'Atelier.NoProfile',
      status: 400,
      message:
        name === 'local'
          ? 'No platform runs on this machine.'
          : `There is no profile "${name}". Known: ${['local', ...Object.keys(saved.profiles)].join(', ')}.`,
      solution: name === 'local' ? './atelier up --detach starts one here.' : `Run: atelier login --name ${name}`,
    });
  }
  const current = process.env.ATELIER_HOME ? undefined : saved.profiles[saved.current];
  const profile = current ?? localProfile() ?? saved.profiles[saved.current];
  if (profile) return profile;
  throw new Failure({
    code: 'Atelier.NoProfile',
    status: 400,
    message: 'No platform runs here and no login is saved.',
    solution: './atelier up --detach starts one here; atelier login connects to another.',
  });
}
