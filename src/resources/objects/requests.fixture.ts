import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Principal } from '../../kernel/principal.ts';
import { encodeStrictly, parseAddress } from './protocol/address.ts';
import { AWS, OBS } from './protocol/dialect.ts';
import { signV2, v2StringsToSign } from './protocol/signature-v2.ts';
import { DOMAIN, type ObjectWorld } from './world.fixture.ts';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
  /** The code of an error answer. */
  code: string | undefined;
}

export interface Sent {
  /** Whose key signs, `ann`'s when absent; nobody's when null. */
  as?: string | null;
  headers?: Record<string, string>;
  body?: Buffer | string;
  host?: string;
  date?: Date;
  /** The signature goes into the address. */
  presigned?: boolean;
  dialect?: 'obs' | 'aws';
  agent?: Agent;
  /** Sends this many bytes of the body, then breaks the connection off. */
  tornAt?: number;
}

/** Lets `principal` have the key `AK-<name>` / `SK-<name>`, with a token where it is temporary. */
export function giveKey(world: ObjectWorld, principal: Principal): void {
  const temporary = principal.credential === 'temporary-key';
  world.keys.set(`AK-${principal.name}`, {
    principal,
    secret: `SK-${principal.name}`,
    ...(temporary ? { securityToken: `TOKEN-${principal.name}` } : {}),
  });
}

/**
 * Sends a request as it is given, signed in the form of v2: for what clients would not send. Rejects without a whole answer.
 * `target` is the path with its query, encoded.
 */
export async function send(
  world: Pick<ObjectWorld, 'port'> & Partial<Pick<ObjectWorld, 'keys'>>,
  method: string,
  target: string,
  options: Sent = {},
): Promise<Answer> {
  const { as = 'ann', body, host = `127.0.0.1:${world.port}`, agent, tornAt } = options;
  const dialect = options.dialect === 'aws' ? AWS : OBS;
  const headers: Record<string, string> = { host, ...options.headers };
  if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
  const path = as === null ? target : sign(as, method, target, headers);

  function sign(name: string, method: string, target: string, headers: Record<string, string>): string {
    const { presigned = false, date = new Date() } = options;
    const { secret = `SK-${name}`, securityToken } = world.keys?.get(`AK-${name}`) ?? {};
    let signed = target;
    const add = (more: string) => {
      signed += (signed.includes('?') ? '&' : '?') + more;
    };
    if (securityToken !== undefined && presigned) add(`${dialect.tokenParameter}=${securityToken}`);
    else if (securityToken !== undefined) headers[`${dialect.prefix}security-token`] = securityToken;
    const time = presigned ? String(Math.floor(date.getTime() / 1000) + 60) : date.toUTCString();
    if (!presigned) headers.date = time;
    const address = parseAddress(signed, host, DOMAIN);
    const [text] = v2StringsToSign({ method, headers, address, date: time, dialect });
    const signature = signV2(secret, text!);
    if (presigned) {
      const parameter = dialect === AWS ? 'AWSAccessKeyId' : 'AccessKeyId';
      add(`${parameter}=AK-${name}&Expires=${time}&Signature=${encodeURIComponent(signature)}`);
    } else headers.authorization = `${dialect === AWS ? 'AWS' : 'OBS'} AK-${name}:${signature}`;
    return signed;
  }

  return new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port: world.port, method, path, headers, ...(agent ? { agent } : {}) };
    const outgoing = request(to, response => {
      buffer(response).then(bytes => {
        const code =
          /<Code>(.*?)<\/Code>/.exec(bytes.toString('latin1', 0, 4096))?.[1] ??
          (response.headers[`${dialect.prefix}error-code`] as string | undefined);
        const { statusCode, headers } = response;
        resolve({ status: statusCode!, headers, body: bytes, code, text: bytes.toString() });
      }, reject);
    });
    outgoing.on('error', reject);
    if (tornAt === undefined) outgoing.end(body);
    else outgoing.write(Buffer.from(body!).subarray(0, tornAt), () => outgoing.destroy(new Error('torn on purpose')));
  });
}

/** A request to a bucket or object, in parts. */
export interface Request extends Pick<Sent, 'headers' | 'body' | 'tornAt'> {
  bucket: string;
  key?: string;
  query?: Record<string, string>;
}

/** Sends requests to a port of 127.0.0.1, path style, in OBS' dialect, signed as `name`. Rejects without a whole answer. */
export function obsClient(port: number, name: string, agent?: Agent) {
  return (method: string, { bucket, key = '', query = {}, ...sent }: Request): Promise<Answer> => {
    const path = `/${bucket}/${key.split('/').map(encodeStrictly).join('/')}`;
    const parameters = Object.entries(query).map(([parameter, value]) =>
      value === '' ? parameter : `${parameter}=${encodeStrictly(value)}`,
    );
    const target = parameters.length > 0 ? `${path}?${parameters.join('&')}` : path;
    return send({ port }, method, target, { as: name, ...sent, ...(agent ? { agent } : {}) });
  };
}

export type ObsClient = ReturnType<typeof obsClient>;
