import { createServer, type IncomingMessage, request as open, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../kernel/clock.ts';
import type { Log } from '../../../kernel/log.ts';
import type { ActivityLog } from '../activity.ts';
import { COOKIE, isForged, proofOf } from './web-access.ts';
import { requestHeaders, responseHeaders } from './web-headers.ts';
import type { WebOrigins } from './web-origins.ts';
import { CROSS_SITE, NOT_FOUND, type Page, render, UNAUTHORIZED, UNREACHABLE, WRONG_HOST } from './web-pages.ts';
import type { WebSecrets } from './web-secrets.ts';

/** A running instance. */
export interface WebTarget {
  id: string;
  token: string;
  /** Where its web IDE listens; absent while that is not known. */
  at?: { host: string; port: number } | undefined;
}

export interface WebProxyDeps {
  /** The running instance of that id. */
  find(id: string): Promise<WebTarget | undefined>;
  /** Told when an instance could not be reached where `find` said. */
  lost(id: string): void;
  origins: Pick<WebOrigins, 'owns' | 'instead'>;
  /** Whether the proxy answers under a Host header. */
  knowsHost(host: string | undefined): boolean;
  /** Whether browsers come by https. */
  secure(): boolean;
  secrets: WebSecrets;
  activity: ActivityLog;
  clock: Clock;
  log: Log;
}

interface Admitted {
  target: WebTarget;
  /** Path and query for the web IDE, without the token. */
  path: string;
  /** The token stood in the query of what a person opens: the browser shall keep a cookie and forget the address. */
  exchange: boolean;
}

/** The request is of an instance that has another origin. */
interface Elsewhere {
  location: string;
}

const INSTANCE = /^\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(\/.*)?$/;
/** What pages of other origins may do with an instance's: neither take them in nor hold on to their windows. */
const APART = { 'cross-origin-resource-policy': 'same-origin', 'cross-origin-opener-policy': 'same-origin' };
const FRAMES_WITHOUT_WORK = [0x9, 0xa];

/**
 * The way from browsers to the web IDEs of instances: `/<id>/…`, for whoever shows the token of the run. It looks at no body, streams both
 * ways, and hands on WebSockets as they are. Nothing of the platform's credentials reaches an instance, and nothing of an instance's
 * internal secret reaches a browser.
 */
export function createWebProxy(deps: WebProxyDeps): Server {
  const { secrets, activity, clock, log } = deps;

  async function admit(request: IncomingMessage, upgrade: boolean): Promise<Admitted | Elsewhere | Page> {
    if (!deps.knowsHost(request.headers.host)) return WRONG_HOST;
    const raw = request.url ?? '/';
    const mark = raw.indexOf('?');
    const pathname = mark < 0 ? raw : raw.slice(0, mark);
    const [, id, rest] = INSTANCE.exec(pathname) ?? [];
    if (id === undefined) return NOT_FOUND;
    const query = new URLSearchParams(mark < 0 ? '' : raw.slice(mark + 1));
    const shown = query.get('token');
    const target = await deps.find(id);
    if (!target) return UNAUTHORIZED;
    const proof = proofOf(request, shown, target, secrets);
    if (!proof) return UNAUTHORIZED;
    if (proof === 'cookie' && isForged(request, upgrade)) return CROSS_SITE;
    if (!deps.origins.owns(id, request)) {
      const origin = deps.origins.instead(id, request);
      return origin === undefined || upgrade ? UNREACHABLE : { location: `${origin}${raw}` };
    }
    query.delete('token');
    // Untouched where there is no token to take out, as encodings have more than one form.
    const search = shown === null ? (mark < 0 ? '' : raw.slice(mark)) : query.size > 0 ? `?${query}` : '';
    const path = `${rest === undefined ? `/${id}/` : pathname}${search}`;
    const exchange = shown !== null && request.method === 'GET' && /text\/html/.test(request.headers.accept ?? '');
    if (!upgrade && request.method !== 'GET' && request.method !== 'HEAD') activity.record(id, clock.now());
    return { target, path, exchange };
  }

  function keep({ target, path }: Admitted): Record<string, string> {
    const attributes = ['HttpOnly', 'SameSite=Lax', `Path=/${target.id}/`, ...(deps.secure() ? ['Secure'] : [])];
    return {
      location: path,
      'set-cookie': `${COOKIE}=${secrets.cookie(target)}; ${attributes.join('; ')}`,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-length': '0',
    };
  }

  function answer(response: ServerResponse, page: Page, request: IncomingMessage): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { headers, body } = render(page, request);
    // What is still being sent is not read: the connection ends with the answer.
    response.writeHead(page.status, { ...headers, connection: 'close' });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  function forward(request: IncomingMessage, response: ServerResponse, { target, path }: Admitted): void {
    if (!target.at) {
      answer(response, UNREACHABLE, request);
      return;
    }
    const upstream = open({
      ...target.at,
      method: request.method,
      path,
      headers: requestHeaders(request.headersDistinct, secrets.jupyter(target)),
      setHost: false,
      agent: false,
    });
    upstream.on('response', incoming => {
      incoming.on('error', () => response.destroy());
      if (incoming.statusCode === 404 && request.method === 'GET' && path.split('?', 1)[0] === `/${target.id}/lab`) {
        // The address of an instance is that of JupyterLab, which its image need not hold.
        incoming.resume();
        response.writeHead(302, { location: `/${target.id}/tree`, 'cache-control': 'no-store', 'content-length': '0' });
        response.end();
        return;
      }
      try {
        response.writeHead(incoming.statusCode ?? 502, {
          ...responseHeaders(incoming.headersDistinct, `/${target.id}/`),
          ...APART,
        });
        incoming.pipe(response);
      } catch (error) {
        // What answers is the user's to replace: it may say what no server may.
        log.debug({ err: error, notebook: target.id }, 'a notebook answers against the rules');
        incoming.destroy();
        answer(response, UNREACHABLE, request);
      }
    });
    upstream.on('error', error => {
      log.debug({ err: error, notebook: target.id }, 'a notebook does not answer');
      if (!response.headersSent) deps.lost(target.id);
      if (!response.destroyed) answer(response, UNREACHABLE, request);
    });
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  }

  function refuseUpgrade(socket: Duplex, page: Page, request: IncomingMessage): void {
    const { headers, body } = render(page, request);
    writeHead(socket, page.status, page.title, { ...headers, connection: 'close' });
    socket.end(body);
  }

  function splice(request: IncomingMessage, socket: Duplex, head: Buffer, { target, path }: Admitted): void {
    if (!target.at) {
      refuseUpgrade(socket, UNREACHABLE, request);
      return;
    }
    const upstream = open({
      ...target.at,
      method: 'GET',
      path,
      headers: {
        ...requestHeaders(request.headersDistinct, secrets.jupyter(target)),
        connection: 'Upgrade',
        upgrade: 'websocket',
      },
      setHost: false,
      agent: false,
    });
    socket.on('close', () => upstream.destroy());
    upstream.on('upgrade', (incoming, peer, first) => {
      const headers = responseHeaders(incoming.headersDistinct, `/${target.id}/`);
      writeHead(socket, 101, 'Switching Protocols', { ...headers, connection: 'Upgrade', upgrade: 'websocket' });
      if (first.length > 0) socket.write(first);
      if (head.length > 0) peer.write(head);
      peer.on('error', () => socket.destroy());
      peer.on('close', () => socket.destroy());
      socket.on('close', () => peer.destroy());
      socket.on('data', (chunk: Buffer) => {
        if (!FRAMES_WITHOUT_WORK.includes(chunk[0]! & 0x0f)) activity.record(target.id, clock.now());
      });
      socket.pipe(peer);
      peer.pipe(socket);
    });
    upstream.on('response', incoming => {
      writeHead(socket, incoming.statusCode ?? 502, incoming.statusMessage ?? '', { connection: 'close' });
      incoming.on('error', () => socket.destroy());
      incoming.pipe(socket);
    });
    upstream.on('error', () => {
      deps.lost(target.id);
      if (!socket.destroyed) refuseUpgrade(socket, UNREACHABLE, request);
    });
    upstream.end();
  }

  const server = createServer((request, response) => {
    admit(request, false)
      .then(outcome => {
        if ('status' in outcome) return answer(response, outcome, request);
        if ('location' in outcome) {
          response.writeHead(307, { ...outcome, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
          return response.end();
        }
        if (!outcome.exchange) return forward(request, response, outcome);
        response.writeHead(302, keep(outcome));
        response.end();
      })
      .catch(error => {
        log.error({ err: error }, 'a request to a notebook failed');
        answer(response, UNREACHABLE, request);
      });
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    admit(request, true)
      .then(outcome =>
        'target' in outcome
          ? splice(request, socket, head, outcome)
          : refuseUpgrade(socket, 'status' in outcome ? outcome : UNREACHABLE, request),
      )
      .catch(error => {
        log.error({ err: error }, 'a connection to a notebook failed');
        refuseUpgrade(socket, UNREACHABLE, request);
      });
  });
  // Uploads take as long as they take.
  server.requestTimeout = 0;
  return server;
}

function writeHead(socket: Duplex, status: number, text: string, headers: Record<string, string | string[]>): void {
  const lines = Object.entries(headers).flatMap(([name, values]) => [values].flat().map(value => `${name}: ${value}`));
  socket.write(`HTTP/1.1 ${status} ${text}\r\n${lines.join('\r\n')}\r\n\r\n`);
}
