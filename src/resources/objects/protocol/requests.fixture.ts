import { type IncomingHttpHeaders, request } from 'node:http';
import type { Principal } from '../../../kernel/principal.ts';
import { DOMAIN, type ObjectWorld } from '../world.fixture.ts';
import { parseAddress } from './address.ts';
import { AWS, OBS } from './dialect.ts';
import { signV2, v2StringsToSign } from './signature-v2.ts';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** Of an error. */
  code: string | undefined;
}

export interface Sent {
  headers?: Record<string, string>;
  body?: string;
  /** The signature goes into the address. */
  presigned?: boolean;
  dialect?: 'obs' | 'aws';
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

/** Sends a request signed by the key of `who`, or unsigned where that is undefined. */
export async function send(
  world: ObjectWorld,
  who: string | undefined,
  method: string,
  path: string,
  { headers: given = {}, body, presigned = false, dialect: name = 'obs' }: Sent = {},
): Promise<Answer> {
  const dialect = name === 'aws' ? AWS : OBS;
  const headers: Record<string, string> = { host: `localhost:${world.port}`, ...given };
  let target = path;
  if (who !== undefined) {
    const { secret, securityToken: token } = world.keys.get(`AK-${who}`)!;
    const add = (more: string) => {
      target += (target.includes('?') ? '&' : '?') + more;
    };
    if (token !== undefined && presigned) add(`${dialect.tokenParameter}=${token}`);
    else if (token !== undefined) headers[`${dialect.prefix}security-token`] = token;
    const date = presigned ? String(Math.floor(Date.now() / 1000) + 60) : new Date().toUTCString();
    if (!presigned) headers.date = date;
    const address = parseAddress(target, headers.host, DOMAIN);
    const [text] = v2StringsToSign({ method, headers, address, date, dialect });
    const signature = signV2(secret, text!);
    const scheme = name === 'aws' ? 'AWS' : 'OBS';
    if (presigned) {
      const parameter = name === 'aws' ? 'AWSAccessKeyId' : 'AccessKeyId';
      add(`${parameter}=AK-${who}&Expires=${date}&Signature=${encodeURIComponent(signature)}`);
    } else headers.authorization = `${scheme} AK-${who}:${signature}`;
  }
  return new Promise((resolve, reject) => {
    const outgoing = request({ port: world.port, host: '127.0.0.1', method, path: target, headers }, response => {
      const chunks: Buffer[] = [];
      response.on('data', chunk => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const code =
          /<Code>(.*?)<\/Code>/.exec(text)?.[1] ??
          (response.headers[`${dialect.prefix}error-code`] as string | undefined);
        resolve({ status: response.statusCode!, headers: response.headers, text, code });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
