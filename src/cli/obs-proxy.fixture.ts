import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A door before the object store that counts what goes through, and can hold it up or damage it. */
export interface ObsProxy {
  url: string;
  /** Requests that were let through, as `METHOD /path?query range`. */
  passed: string[];
  /** How many of them were answered. */
  answered: number;
  /** Whether this request has to wait for ever. */
  hold: (request: IncomingMessage) => boolean;
  /** Changes the content of a request or of its answer. */
  damage: (request: IncomingMessage, chunk: Buffer, from: 'client' | 'store') => Buffer;
  /** Resolves when a request was held. */
  held(): Promise<void>;
  reset(): void;
  close(): void;
}

export async function obsProxy(target: string): Promise<ObsProxy> {
  let tell: () => void = () => {};
  let held = new Promise<void>(resolve => (tell = resolve));
  const proxy: ObsProxy = {
    url: '',
    passed: [],
    answered: 0,
    hold: () => false,
    damage: (_request, chunk) => chunk,
    held: () => held,
    reset() {
      proxy.passed = [];
      proxy.answered = 0;
      proxy.hold = () => false;
      proxy.damage = (_request, chunk) => chunk;
      held = new Promise<void>(resolve => (tell = resolve));
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  const server = http.createServer((request, response) => {
    if (proxy.hold(request)) {
      tell();
      request.on('error', () => {});
      return;
    }
    proxy.passed.push([request.method, request.url, request.headers.range].filter(Boolean).join(' '));
    const { method, headers } = request;
    const onward = http.request(new URL(target), { method, headers, path: request.url }, answer => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.on('data', (chunk: Buffer) => response.write(proxy.damage(request, chunk, 'store')));
      answer.on('end', () => response.end(() => (proxy.answered += 1)));
      answer.on('error', () => response.destroy());
    });
    onward.on('error', () => response.destroy());
    request.on('error', () => onward.destroy());
    request.on('data', (chunk: Buffer) => onward.write(proxy.damage(request, chunk, 'client')));
    request.on('end', () => onward.end());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}
