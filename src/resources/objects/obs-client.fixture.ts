import { createHmac } from 'node:crypto';
import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { encodeStrictly } from './protocol/address.ts';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The code of an error answer. */
  code: string | undefined;
}

export interface Request {
  bucket: string;
  key?: string;
  /** Sub-resources and parameters; a signature covers those of `signed`. */
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Buffer | string;
  /** Sends this many bytes of the body, then breaks the connection off. */
  tornAt?: number;
}

const SIGNED = ['uploads', 'uploadId', 'partNumber', 'delete', 'acl'];

/** Sends requests to a port of 127.0.0.1, path style, signed in the OBS dialect as `name`. Rejects without a whole answer. */
export function obsClient(port: number, name: string, agent?: Agent) {
  return (method: string, { bucket, key = '', query = {}, headers = {}, body, tornAt }: Request): Promise<Answer> => {
    const path = `/${bucket}/${key.split('/').map(encodeStrictly).join('/')}`;
    const date = new Date().toUTCString();
    const own = Object.keys(headers)
      .filter(header => header.startsWith('x-obs-'))
      .sort()
      .map(header => `${header}:${headers[header]}\n`);
    const resource = Object.keys(query)
      .filter(parameter => SIGNED.includes(parameter))
      .sort()
      .map(parameter => (query[parameter] === '' ? parameter : `${parameter}=${query[parameter]}`));
    const signedPath = resource.length > 0 ? `${path}?${resource.join('&')}` : path;
    const type = headers['content-type'] ?? '';
    const text = `${method}\n${headers['content-md5'] ?? ''}\n${type}\n${date}\n${own.join('')}${signedPath}`;
    const authorization = `OBS AK-${name}:${createHmac('sha1', `SK-${name}`).update(text).digest('base64')}`;
    const parameters = Object.entries(query).map(([parameter, value]) =>
      value === '' ? parameter : `${parameter}=${encodeStrictly(value)}`,
    );
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port,
          method,
          path: parameters.length > 0 ? `${path}?${parameters.join('&')}` : path,
          headers: { ...headers, date, authorization, 'content-length': Buffer.byteLength(body ?? '') },
          ...(agent ? { agent } : {}),
        },
        response => {
          const chunks: Buffer[] = [];
          response.on('data', chunk => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const code = /<Code>(.*?)<\/Code>/.exec(bytes.toString('latin1', 0, 4096))?.[1];
            resolve({ status: response.statusCode!, headers: response.headers, body: bytes, code });
          });
        },
      );
      outgoing.on('error', reject);
      if (tornAt === undefined) outgoing.end(body);
      else outgoing.write(Buffer.from(body!).subarray(0, tornAt), () => outgoing.destroy(new Error('torn on purpose')));
    });
  };
}

export type ObsClient = ReturnType<typeof obsClient>;
