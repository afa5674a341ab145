import type { Command } from 'commander';
import { type Profile, requestToken, requestTokenByIdToken, Session } from '../../client/session.ts';
import { ask, givenPassword, newPassword, readText } from '../ask.ts';
import { contextOf } from '../context.ts';
import { badArgument } from '../options.ts';
import { printRows } from '../output.ts';
import { localProfile, readProfiles, removeProfile, saveProfile } from '../profile.ts';
import { findProject, tokenProfile } from '../token-profile.ts';

/** `atelier login`, `logout`, `profile`. */
export function addLogin(program: Command): void {
  program
    .command('login')
    .description('connect to a platform and save the login for later commands')
    .option('--api <url>', 'address of the API, e.g. http://atelier.example:7080 (default: this machine)')
    .option('--account <name>', 'account (domain) name')
    .option('--user <name>', 'IAM user name (default: the account name, its root user)')
    .option('--password <text>', 'password; asked for when absent, or read from ATELIER_PASSWORD')
    .option('--password-stdin', 'read the password from standard input, where no other user of this machine sees it')
    .option('--access-key <id>', 'sign requests with this access key instead of a password')
    .option('--secret-key <text>', 'its secret; read from ATELIER_SECRET_KEY when absent')
    .option('--id-token <file>', 'log in with an ID token of an identity provider; - reads standard input')
    .option('--provider <id>', 'that identity provider')
    .option('--region <name>', 'region, which is also the name of the project', 'local-1')
    .option('--name <profile>', 'name to save it under; --profile <name> chooses it later', 'default')
    .action(async (options: LoginOptions) => {
      const api = options.api ?? localProfile()?.endpoints.api ?? 'http://127.0.0.1:7080';
      const base = apiAddress(api);
      const port = Number(base.port || (base.protocol === 'https:' ? 443 : 80));
      const at = (offset: number) => `${base.protocol}//${base.hostname}:${port + offset}`;
      const endpoints = { api: base.origin, obs: at(1), inference: at(3) };
      const login = options.idToken ? idTokenLogin : options.accessKey ? keyLogin : passwordLogin;
      const profile = await login(endpoints, options);
      saveProfile(options.name, profile);
      process.stderr.write(`Logged in at ${base.origin}; saved as profile "${options.name}".\n`);
    });

  program
    .command('logout')
    .description('forget a saved login')
    .argument('[profile]', 'its name', 'default')
    .action((name: string) => {
      process.stderr.write(
        removeProfile(name) ? `Profile "${name}" is forgotten.\n` : `There is no profile "${name}".\n`,
      );
    });

  program
    .command('token')
    .description('print a token for X-Auth-Token, e.g. curl -H "X-Auth-Token: $(./atelier token)" …')
    .action(async (_options, command: Command) => {
      process.stdout.write(`${await contextOf(command).session.token()}\n`);
    });

  program
    .command('profile')
    .description('list saved logins')
    .action((_options, command: Command) => {
      const saved = readProfiles();
      const local = localProfile();
      const rows = Object.entries(saved.profiles).map(([name, profile]) => ({ name, profile }));
      if (local) rows.unshift({ name: 'local', profile: local });
      const shown = rows.map(({ name, profile }) => ({
        name,
        current: name === saved.current,
        api: profile.endpoints.api,
        account: profile.account,
        user: profile.user,
        switchedBy: profile.switchedBy,
        projectId: profile.projectId,
      }));
      printRows(command.optsWithGlobals().output, shown, {
        Name: row => row.name,
        Current: row => (row.current ? '*' : ''),
        API: row => row.api,
        User: row => {
          const by = row.switchedBy ? ` (agency; ${row.switchedBy})` : '';
          return `${row.account ?? ''}/${row.user ?? '(access key)'}${by}`;
        },
        Project: row => row.projectId,
      });
    });
}

function apiAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.hostname && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw badArgument(`"${text}" is not the address of an API.`, 'Give --api as in http://atelier.example:7080');
}

interface LoginOptions {
  api?: string;
  account?: string;
  user?: string;
  password?: string;
  passwordStdin?: boolean;
  accessKey?: string;
  secretKey?: string;
  idToken?: string;
  provider?: string;
  region: string;
  name: string;
}

async function passwordLogin(endpoints: Profile['endpoints'], options: LoginOptions): Promise<Profile> {
  const account = options.account ?? (await ask('Account: '));
  const user = options.user ?? account;
  const password = options.password ?? (await givenPassword(options)) ?? (await ask('Password: ', true));
  const token = await firstToken(endpoints, { account, user, password, region: options.region });
  return tokenProfile({ endpoints, region: options.region, account, user, token });
}

/** A token with a password; one that was given by somebody else is changed first, as the platform wants. */
async function firstToken(
  endpoints: Profile['endpoints'],
  login: { account: string; user: string; password: string; region: string },
): Promise<string> {
  const { account, user, password, region } = login;
  const token = await requestToken(endpoints.api, { account, user, password, projectName: region });
  const bare = new Session({ endpoints, region, projectId: '', token });
  const shown = await shownToken(bare, token);
  if (!shown.user.pwd_status) return token;
  process.stderr.write('The password must be changed at the first login.\n');
  const next = await newPassword();
  const body = { user: { original_password: password, password: next } };
  await bare.request('POST', `/v3/users/${shown.user.id}/password`, { body });
  return requestToken(endpoints.api, { account, user, password: next, projectName: region });
}

async function idTokenLogin(endpoints: Profile['endpoints'], options: LoginOptions): Promise<Profile> {
  const { provider, region } = options;
  if (!provider) throw badArgument('Of which identity provider is the ID token?', 'Give --provider.');
  const idToken = readText(options.idToken!).trim();
  const token = await requestTokenByIdToken(endpoints.api, { provider, idToken, projectName: region });
  const bare = { endpoints, region, token };
  const { user } = await shownToken(new Session({ ...bare, projectId: '' }), token);
  return tokenProfile({ ...bare, account: user.domain.name, user: user.name });
}

/** Whose a token is. */
async function shownToken(session: Session, token: string) {
  const answer = await session.request('GET', '/v3/auth/tokens?nocatalog=true', {
    headers: { 'x-subject-token': token },
  });
  const shown = JSON.parse(answer.body.toString()) as {
    token: { user: { id: string; name: string; domain: { name: string }; pwd_status?: boolean } };
  };
  return shown.token;
}

async function keyLogin(endpoints: Profile['endpoints'], options: LoginOptions): Promise<Profile> {
  const secret = options.secretKey ?? process.env.ATELIER_SECRET_KEY ?? (await ask('Secret key: ', true));
  const profile: Profile = {
    endpoints,
    region: options.region,
    projectId: '',
    key: { access: options.accessKey!, secret },
  };
  return { ...profile, projectId: await findProject(new Session(profile), options.region) };
}
