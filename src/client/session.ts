import type { TSchema } from 'typebox';
import { Failure } from '../kernel/failure.ts';
import type { Operation, ResponseOf } from '../wire/operation.ts';
import { type CallInput, failureOf, pathOf } from './call.ts';
import { type AccessKey, signRequest } from './signature.ts';

/** Where a platform is and as whom to speak to it. */
export interface Profile {
  endpoints: { api: string; obs: string; inference: string };
  region: string;
  projectId: string;
  /** For tokens. */
  account?: string;
  user?: string;
  password?: string;
  /** A token obtained earlier. */
  token?: string;
  /** For signed requests and for OBS. */
  key?: AccessKey;
  /** The key of whoever runs the installation, in place of a login; never saved. */
  operatorKey?: string;
  /** The user who works through an agency of this account. */
  switchedBy?: string;
}

/** The answer of a call with its status, for those who need more than the body. */
export interface RawAnswer {
  status: number;
  headers: Headers;
  body: Buffer;
}

/** A typed client over one platform; thin: what the operations declare is what it knows. */
export class Session {
  readonly profile: Profile;
  #token: string | undefined;

  constructor(profile: Profile) {
    this.profile = profile;
    this.#token = profile.token;
  }

  /** Calls a declared operation of the session's project. Throws Failure with the platform's code and text. */
  async call<Q extends TSchema, B extends TSchema, R extends TSchema, P extends string>(
    op: Operation<Q, B, R, P>,
    input: CallInput<Operation<Q, B, R, P>> = {},
  ): Promise<ResponseOf<Operation<Q, B, R, P>>> {
    const answer = await this.request(op.method, pathOf(op, input, this.profile.projectId), {
      query: input.query as Record<string, unknown> | undefined,
      body: input.body,
      headers: input.headers,
      signal: input.signal,
    });
    if (answer.body.length === 0) return undefined as ResponseOf<Operation<Q, B, R, P>>;
    return parseAnswer(answer.body, this.profile.endpoints.api) as ResponseOf<Operation<Q, B, R, P>>;
  }

  /** Sends a request to the management API, signed or with a token. Throws Failure on any status of 400 and more. */
  async request(
    method: string,
    path: string,
    input: {
      query?: Record<string, unknown> | undefined;
      body?: unknown;
      headers?: Record<string, string> | undefined;
      signal?: AbortSignal | undefined;
    } = {},
  ): Promise<RawAnswer> {
    const response = await this.#open(method, path, input);
    return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
  }

  /** The body of a GET, as it arrives. Throws Failure on any status of 400 and more, and when the connection is lost on the way. */
  async *stream(path: string, query: Record<string, unknown>, signal?: AbortSignal): AsyncGenerator<Buffer> {
    const response = await this.#open('GET', path, { query, signal });
    try {
      for await (const chunk of response.body ?? []) yield Buffer.from(chunk);
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw unreachable(new URL(this.profile.endpoints.api), cause);
    }
  }

  async #open(
    method: string,
    path: string,
    input: {
      query?: Record<string, unknown> | undefined;
      body?: unknown;
      headers?: Record<string, string> | undefined;
      signal?: AbortSignal | undefined;
    },
  ): Promise<Response> {
    const url = new URL(path, this.profile.endpoints.api);
    for (const [name, value] of Object.entries(input.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    // A blank is %20 in signatures (reference api/README 3.2), so it must be on the wire too.
    url.search = url.search.replaceAll('+', '%20');
    const body = input.body === undefined ? undefined : Buffer.from(JSON.stringify(input.body));
    let headers: Record<string, string> = {
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(input.headers ?? {}),
    };
    if (this.profile.operatorKey) {
      headers['x-operator-key'] = this.profile.operatorKey;
    } else if (this.profile.key && !this.profile.token) {
      if (this.profile.projectId) headers['x-project-id'] = this.profile.projectId;
      headers = signRequest(this.profile.key, { method, url, headers, body: body ?? Buffer.alloc(0) }, new Date());
      delete headers.host;
    } else {
      headers['x-auth-token'] = await this.token();
    }
    return open(url, { method, headers, body, signal: input.signal }).catch(error => this.#expired(error));
  }

  /** Tells what to do when the token of a saved login is no longer accepted. */
  #expired(error: unknown): never {
    if (error instanceof Failure && error.status === 401) {
      this.#token = this.profile.token; // one that was obtained with the password is obtained anew next time
      if (this.profile.token) {
        throw new Failure({
          code: error.code,
          status: 401,
          message: error.message,
          solution: 'The saved login may have expired. Run: atelier login',
          cause: error,
        });
      }
    }
    throw error;
  }

  /** A token of the session's project; obtained with the password once. */
  async token(): Promise<string> {
    if (this.#token) return this.#token;
    const { account, user, password, projectId } = this.profile;
    if (!account || !user || !password) {
      throw new Failure({
        code: 'Atelier.NoCredentials',
        status: 401,
        message: 'This profile has neither a token nor a password.',
        solution: 'Run: atelier login',
      });
    }
    this.#token = await requestToken(this.profile.endpoints.api, { account, user, password, projectId });
    return this.#token;
  }

  /** Sends one prediction through the inference gateway. `path` is what follows the service's URL. */
  async predict(
    serviceId: string,
    body: FormData | Buffer,
    options: { path?: string; contentType?: string; signal?: AbortSignal } = {},
  ): Promise<RawAnswer> {
    const url = new URL(`/v1/infers/${serviceId}${options.path ?? '/'}`, this.profile.endpoints.inference);
    const { key, token, password, projectId } = this.profile;
    let headers: Record<string, string> = options.contentType ? { 'content-type': options.contentType } : {};
    if (key && !token && !password) {
      // The gateway takes signatures that leave the body out.
      if (projectId) headers['x-project-id'] = projectId;
      headers = signRequest(key, { method: 'POST', url, headers, body: 'unsigned' }, new Date());
      delete headers.host;
    } else {
      headers['x-auth-token'] = await this.token();
    }
    return send(url, { method: 'POST', headers, body, signal: options.signal }).catch(error => this.#expired(error));
  }
}

/** Asks for a token with a password (POST /v3/auth/tokens), scoped to a project by id or name. */
export async function requestToken(
  api: string,
  input: { account: string; user: string; password: string; projectId?: string; projectName?: string },
): Promise<string> {
  const project = input.projectId ? { id: input.projectId } : { name: input.projectName };
  const user = { name: input.user, password: input.password, domain: { name: input.account } };
  const identity = { methods: ['password'], password: { user } };
  return tokenOf(api, '/v3/auth/tokens', {}, { auth: { identity, scope: { project } } });
}

/** Asks for a token with an ID token of an identity provider (POST /v3.0/OS-AUTH/id-token/tokens), scoped to a project by name. */
export function requestTokenByIdToken(
  api: string,
  input: { provider: string; idToken: string; projectName: string },
): Promise<string> {
  const auth = { id_token: { id: input.idToken }, scope: { project: { name: input.projectName } } };
  return tokenOf(api, '/v3.0/OS-AUTH/id-token/tokens', { 'x-idp-id': input.provider }, { auth });
}

async function tokenOf(api: string, path: string, headers: Record<string, string>, body: object): Promise<string> {
  const answer = await send(new URL(path, api), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(body)),
  });
  const token = answer.headers.get('x-subject-token');
  if (!token) throw notAtelier(api);
  return token;
}

function parseAnswer(body: Buffer, api: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw notAtelier(api);
  }
}

function notAtelier(api: string): Failure {
  return new Failure({
    code: 'Atelier.UnexpectedAnswer',
    status: 502,
    message: `${api} answers, but not as Atelier does.`,
    solution: 'Check the address: it is that of the API, e.g. http://127.0.0.1:7080.',
  });
}

interface Sent {
  method: string;
  headers: Record<string, string>;
  body?: Buffer | FormData | undefined;
  signal?: AbortSignal | undefined;
}

async function send(url: URL, init: Sent): Promise<RawAnswer> {
  const response = await open(url, init);
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

/** Sends a request; its answer's body is still to come. Throws Failure on any status of 400 and more. */
async function open(url: URL, init: Sent): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: init.method,
      headers: init.headers,
      body: (init.body ?? null) as RequestInit['body'],
      signal: init.signal ?? null,
    });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw unreachable(url, cause);
  }
  if (response.status < 400) return response;
  throw failureOf(response.status, await response.text(), url.pathname);
}

function unreachable(url: URL, cause: unknown): Failure {
  return new Failure({
    code: 'Atelier.Unreachable',
    status: 503,
    message: `${url.origin} does not answer.`,
    solution: 'Is the platform running? ./atelier status tells; ./atelier up --detach starts it.',
    cause,
  });
}
