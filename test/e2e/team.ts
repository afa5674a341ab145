import { setTimeout as sleep } from 'node:timers/promises';
import { createTeam, type Team } from '../scenarios/team.ts';
import { type Answer, type CallOptions, PASSWORD, type World } from '../world.ts';
import type { Installation } from './installation.ts';

export interface TeamOfInstallation extends Team {
  /** As those of a world. */
  world: Pick<World, 'send' | 'until'>;
  /** Waits until what is found there passes; resolves with it. */
  reached(path: string, passes: (body: Answer['body']) => boolean, timeoutMs?: number): Promise<Answer['body']>;
}

/** The first account of an installation as a team, set up by the API as its administrator would. */
export async function teamOf(at: Installation): Promise<TeamOfInstallation> {
  const { profile, accountId } = at;

  async function send(method: string, path: string, { token, body, headers }: CallOptions = {}): Promise<Answer> {
    const response = await fetch(profile.endpoints.api + path, {
      method,
      headers: {
        ...(token === undefined ? {} : { 'x-auth-token': token }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
    return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : undefined };
  }

  async function token(user: { account: string; name?: string; password?: string }): Promise<Answer> {
    const { account, name = account, password = name === account ? profile.password : PASSWORD } = user;
    const identity = { methods: ['password'], password: { user: { name, password, domain: { name: account } } } };
    const scope = { project: { name: profile.region } };
    const answer = await send('POST', '/v3/auth/tokens', { body: { auth: { identity, scope } } });
    if (answer.status !== 201) throw new Error(`login answered ${answer.status}: ${answer.text}`);
    return answer;
  }

  const { account = '', projectId, password = '', key } = profile;
  const userId: string = (await token({ account })).body.token.user.id;
  const root = {
    account,
    accountId,
    projectId,
    userId,
    password,
    accessKey: key?.access ?? '',
    secretKey: key?.secret ?? '',
  };
  const login: World['login'] = async user => (await token(user)).headers.get('x-subject-token')!;
  const until: World['until'] = async condition => {
    for (const end = Date.now() + 300_000; !(await condition()); await sleep(100)) {
      if (Date.now() > end) throw new Error(`never: ${condition}`);
    }
  };
  const team = await createTeam({ send, login, root });
  return {
    ...team,
    world: { send, until },
    async reached(path, passes, timeoutMs = 300_000) {
      for (const end = Date.now() + timeoutMs; ; await sleep(100)) {
        const answer = await team.root.call('GET', path);
        if (answer.status === 200 && passes(answer.body)) return answer.body;
        if (Date.now() > end) throw new Error(`${path} stayed ${answer.text}`);
      }
    },
  };
}
