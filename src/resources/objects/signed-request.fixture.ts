import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { DOMAIN, type ObjectWorld } from './world.fixture.ts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  /** `<Code>` of an error. */
  code: string | undefined;
}

/** A request in the OBS dialect, signed by `as` (nobody when null), sent as the bytes given: for what clients would not send. */
export async function send(
  world: Pick<ObjectWorld, 'port'>,
  method: string,
  target: string,
  options: { as?: string | null; body?: string; headers?: Record<string, string>; host?: string; date?: Date } = {},
): Promise<Answer> {
  const { as = 'ann', body, host = `127.0.0.1:${world.port}`, date = new Date() } = options;
  const headers: Record<string, string> = { host, date: date.toUTCString(), ...options.headers };
  if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
  if (as !== null) {
    const own = Object.keys(headers).filter(name => name.startsWith('x-obs-'));
    const lines = own.sort().map(name => `${name}:${headers[name]}\n`);
    const bucket = host.endsWith(DOMAIN) ? `/${host.split('.')[0]}` : '';
    const [path = '', query = ''] = target.split('?');
    const kept = query.split('&').filter(pair => pair !== '' && !/^(list-type|prefix)/.test(pair));
    const resource = `${bucket}${path}${kept.length > 0 ? `?${kept.sort().join('&')}` : ''}`;
    const text = `${method}\n\n${headers['content-type'] ?? ''}\n${headers.date}\n${lines.join('')}${resource}`;
    headers.authorization = `OBS AK-${as}:${createHmac('sha1', `SK-${as}`).update(text).digest('base64')}`;
  }
  return new Promise((resolve, reject) => {
    const sent = request({ port: world.port, host: '127.0.0.1', method, path: target, headers }, async response => {
      const text = String(await buffer(response));
      resolve({
        status: response.statusCode!,
        headers: response.headers,
        body: text,
        code: /<Code>(.*?)<\/Code>/.exec(text)?.[1],
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
