import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { signUrl } from '../sign-url.ts';
import type { ObjectWorld } from '../world.fixture.ts';

/** A raw connection: what is sent is sent as it is, and answers are taken apart by their Content-Length. */
export class Wire {
  #socket: Socket;
  #got = Buffer.alloc(0);
  closed = false;
  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', data => {
      this.#got = Buffer.concat([this.#got, data]);
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.closed = true;
    });
  }
  send(text: string | Buffer): this {
    this.#socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
    return this;
  }
  async answer(): Promise<{ head: string; status: number; body: string }> {
    for (const end = Date.now() + 60_000; Date.now() < end; ) {
      const headEnd = this.#got.indexOf('\r\n\r\n');
      const head = this.#got.subarray(0, Math.max(headEnd, 0)).toString('latin1');
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      const whole = headEnd >= 0 && this.#got.length >= headEnd + 4 + length;
      if (whole || (headEnd >= 0 && this.closed)) {
        const body = this.#got.subarray(headEnd + 4, headEnd + 4 + length).toString('latin1');
        this.#got = this.#got.subarray(headEnd + 4 + length);
        return { head, body, status: Number(head.slice(9, 12)) };
      }
      if (this.closed) return { head: '', body: '', status: 0 };
      await sleep(2);
    }
    throw new Error(`no answer; so far: ${this.#got.toString('latin1').slice(0, 500)}`);
  }
  end(): void {
    this.#socket.destroy();
  }
}

/** Path and query of a URL that ann signed. */
export function signedTarget(world: ObjectWorld, method: 'GET' | 'PUT', bucket: string, key: string): string {
  const asked = { method, bucket, key, expiresSeconds: 600, endpoint: world.url };
  return signUrl(world.key('ann'), asked, Date.now()).slice(world.url.length);
}

/** Without what differs from one answer to the next. */
export const constant = (head: string) =>
  head
    .split('\r\n')
    .filter(line => !/^(?:date|x-(?:obs|amz)-(?:request-id|id-2)):/i.test(line))
    .sort()
    .join('\n');
