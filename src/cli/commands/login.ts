import type { Command } from 'commander';
import { type Profile, requestToken, Session } from '../../client/session.ts';
import { Failure } from '../../kernel/failure.ts';
import { ask } from '../ask.ts';
import { contextOf } from '../context.ts';
import { badArgument } from '../options.ts';
import { printRows } from '../output.ts';
import { localProfile, readProfiles, removeProfile, saveProfile } from '../profile.ts';

/** `atelier login`, `logout`, `profile`. */
export function addLogin(program: Command): void {
  program
    .command('login')
    .description('connect to a platform and save the login for later commands')
    .option('--api <url>', 'address of the API, e.g. http://atelier.example:7080 (default: this machine)')
    .option('--account <name>', 'account (domain) name')
    .option('--user <name>', 'IAM user name (default: the account name, its root user)')
    .option('--password <text>', 'password; asked for when absent, or read from ATELIER_PASSWORD')
    .option('--access-key <id>', 'sign requests with this access key instead of a password')
    .option('--secret-key <text>', 'its secret; read from ATELIER_SECRET_KEY when absent')
    .option('--region <name>', 'region, which is also the name of the project', 'local-1')
    .option('--name <profile>', 'name to save it under; --profile <name> chooses it later', 'default')
    .action(async (options: LoginOptions) => {
      const api = options.api ?? localProfile()?.endpoints.api ?? 'http://127.0.0.1:7080';
      const base = apiAddress(api);
      const port = Number(base.port || (base.protocol === 'https:' ? 443 : 80));
      const at = (offset: number) => `${base.protocol}//${base.hostname}:${port + offset}`;
      const endpoints = { api: base.origin, obs: at(1), inference: at(3) };
      const profile = options.accessKey ? await keyLogin(endpoints, options) : await passwordLogin(endpoints, options);
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
        projectId: profile.projectId,
      }));
      printRows(command.optsWithGlobals().output, shown, {
        Name: row => row.name,
        Current: row => (row.current ? '*' : ''),
        API: row => row.api,
        User: row => `${row.account ?? ''}/${row.user ?? '(access key)'}`,
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
  accessKey?: string;
  secretKey?: string;
  region: string;
  name: string;
}

async function passwordLogin(endpoints: Profile['endpoints'], options: LoginOptions): Promise<Profile> {
  const account = options.account ?? (await ask('Account: '));
  const user = options.user ?? account;
  const password = options.password ?? process.env.ATELIER_PASSWORD ?? (await ask('Password: ', true));
  const token = await firstToken(endpoints, { account, user, password, region: options.region });
  const bare = new Session({ endpoints, region: options.region, projectId: '', token });
  const projectId = await findProject(bare, options.region);
  const answer = await bare.request('POST', '/v3.0/OS-CREDENTIAL/securitytokens', {
    body: { auth: { identity: { methods: ['token'], token: { duration_seconds: 86_400 } } } },
  });
  const { credential } = JSON.parse(answer.body.toString()) as {
    credential: { access: string; secret: string; securitytoken: string };
  };
  return {
    endpoints,
    region: options.region,
    projectId,
    account,
    user,
    token,
    key: { access: credential.access, secret: credential.secret, securityToken: credential.securitytoken },
  };
}

/** A token with a password; one that was given by somebody else is changed first, as the platform wants. */
async function firstToken(
  endpoints: Profile['endpoints'],
  login: { account: string; user: string; password: string; region: string },
): Promise<string> {
  const { account, user, password, region } = login;
  const token = await requestToken(endpoints.api, { account, user, password, projectName: region });
  const bare = new Session({ endpoints, region, projectId: '', token });
  const answer = await bare.request('GET', '/v3/auth/tokens', { headers: { 'x-subject-token': token } });
  const shown = JSON.parse(answer.body.toString()) as { token: { user: { id: string; pwd_status?: boolean } } };
  if (!shown.token.user.pwd_status) return token;
  process.stderr.write('The password must be changed at the first login.\n');
  const next = process.env.ATELIER_NEW_PASSWORD ?? (await ask('New password: ', true));
  if (process.env.ATELIER_NEW_PASSWORD === undefined && next !== (await ask('Once more: ', true))) {
    throw badArgument('The two are not the same; the password was not changed.');
  }
  const body = { user: { original_password: password, password: next } };
  await bare.request('POST', `/v3/users/${shown.token.user.id}/password`, { body });
  return requestToken(endpoints.api, { account, user, password: next, projectName: region });
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

async function findProject(session: Session, region: string): Promise<string> {
  const answer = await session.request('GET', '/v3/projects', { query: { name: region } });
  const { projects } = JSON.parse(answer.body.toString()) as { projects: { id: string; name: string }[] };
  const project = projects.find(candidate => candidate.name === region);
  if (project) return project.id;
  throw new Failure({
    code: 'Atelier.NoProject',
    status: 404,
    message: `The account has no project named ${region}.`,
    solution: "Name the platform's region with --region.",
  });
}
