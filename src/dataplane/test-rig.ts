import { execFileSync } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http, { type IncomingMessage, type RequestListener } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../test/free-ports.ts';
import { silentLog } from '../kernel/log.ts';
import { createGateway, type Entry, type Gateway, type GatewayOptions, type Routes, type Service } from './index.ts';

export const SECRET = 'a secret for tests that is long enough';
export const VERIFY_KEY = 'key-between-gateway-and-server';
export const PROJECT = 'prj1';

export interface Backend {
  port: number;
  seen: { method: string; url: string; headers: IncomingMessage['headers']; bytes: number }[];
  server: http.Server;
  close(): Promise<void>;
}

/** A real HTTP(S) server that answers with its name, unless `handler` does, and remembers what it got. */
export async function backend(
  name: string,
  handler?: RequestListener,
  tls?: { key: string; cert: string },
  port = 0,
): Promise<Backend> {
  const seen: Backend['seen'] = [];
  const listener: RequestListener = (request, response) => {
    const record = { method: request.method!, url: request.url!, headers: request.headers, bytes: 0 };
    if (request.url !== '/health') seen.push(record);
    if (handler) return handler(request, response);
    request.on('data', chunk => {
      record.bytes += chunk.length;
    });
    request.on('end', () => response.setHeader('content-type', 'text/plain').end(name));
  };
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  server.keepAliveTimeout = 60_000;
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    server: server as http.Server,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A self-signed certificate, made by openssl. */
export function selfSigned(): { key: string; cert: string } {
  const dir = mkdtempSync(join(tmpdir(), 'gw-tls-'));
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', [...args, '-subj', '/CN=container', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const pair = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  rmSync(dir, { recursive: true });
  return pair;
}

/** A platform token with the usual claims, which `claims`, `secret` and `header` may spoil. */
export function token(
  claims: Record<string, unknown> = {},
  secret = SECRET,
  header: object = { alg: 'HS256', typ: 'JWT' },
) {
  const now = Math.floor(Date.now() / 1000);
  const usual = { sub: 'user1', kind: 'user', dom: 'acc1', prj: PROJECT, gen: 1, iat: now, exp: now + 600 };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part(header)}.${part({ ...usual, jti: randomUUID(), ...claims })}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export function entry(
  id: string,
  weight: number,
  ports: number[],
  more: Partial<Entry> & { tls?: boolean } = {},
): Entry {
  const { tls = false, ...rest } = more;
  return { id, weight, instances: ports.map(port => ({ id: `i${port}`, host: '127.0.0.1', port, tls })), ...rest };
}

export function service(id: string, entries: Entry[], more: Partial<Service> = {}): Service {
  return { id, accountId: 'acc1', projectId: PROJECT, entries, state: 'running', ...more };
}

export function routes(...services: Service[]): Routes {
  return { services, callers: [{ id: 'user1', projectId: PROJECT, generation: 1 }] };
}

export interface Rig {
  gateway: Gateway;
  options: GatewayOptions;
  url: string;
  dir: string;
  stop(): Promise<void>;
}

/** A started gateway in a directory of its own. */
export async function rig(more: Partial<GatewayOptions> = {}): Promise<Rig> {
  const dir = mkdtempSync(join(tmpdir(), 'gw-'));
  const port = await freePort();
  const options: GatewayOptions = {
    dir,
    port,
    log: silentLog(),
    tokenSecret: SECRET,
    verifyUrl: `http://127.0.0.1:${await freePort()}/internal/infer-auth`,
    verifyKey: VERIFY_KEY,
    ...more,
  };
  const gateway = createGateway(options);
  const stop = async () => {
    await gateway.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await gateway.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { gateway, options, url: `http://127.0.0.1:${port}`, dir, stop };
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
}

/** One request over a connection of `agent` (a new one by default); Node's fetch hides too much of the wire. */
export function call(
  url: string,
  init: {
    method?: string;
    headers?: Record<string, string>;
    body?: Buffer | string;
    chunked?: boolean;
    agent?: http.Agent;
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'POST', headers = {}, body, chunked = false, agent } = init;
    const request = http.request(url, { method, headers, agent: agent ?? false }, response => {
      const chunks: Buffer[] = [];
      response.on('data', chunk => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString() }),
      );
    });
    request.on('error', reject);
    if (!chunked) return request.end(body);
    const bytes = Buffer.from(body ?? '');
    request.flushHeaders();
    for (let i = 0; i < bytes.length; i += 65_536) request.write(bytes.subarray(i, i + 65_536));
    request.end();
  });
}

/** `call` with a valid token. */
export function invoke(url: string, init: Parameters<typeof call>[1] = {}): Promise<Answer> {
  return call(url, { ...init, headers: { 'x-auth-token': token(), ...init.headers } });
}

/** Waits until `condition` holds. */
export async function eventually(condition: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('condition not reached in time');
    await new Promise(resolve => setTimeout(resolve, 25));
  }
}
