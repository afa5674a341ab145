import type { IncomingHttpHeaders } from 'node:http';
import { isOwnOrigin } from '../../http/index.ts';

/** What cookies of the console begin with; gateways take such cookies out of what they pass on. */
const PREFIX = 'atelier-console-';
/** Only scripts of the own origin can send it. `active`: somebody at the screen did something; `idle`: the page asks by itself. */
const HEADER = 'x-atelier-console';

type Headers = Pick<IncomingHttpHeaders, 'cookie' | 'host' | 'origin'> & Record<string, string | string[] | undefined>;

/** The cookie of an installation: browsers send cookies to every port of a host, so its name tells whose it is. */
export function sessionCookie(installation: string) {
  const name = PREFIX + installation;
  const loginName = `${PREFIX}login-${installation}`;
  const attributes = 'Path=/; HttpOnly; SameSite=Strict';
  const cookieOf = (headers: Headers, wanted: string): string | undefined => {
    for (const cookie of (headers.cookie ?? '').split(';')) {
      const [key, value] = cookie.trim().split('=');
      if (key === wanted && value && /^[\w-]{43}$/.test(value)) return value;
    }
    return undefined;
  };
  const read = (headers: Headers, wanted: string) => (isOwnScript(headers) ? cookieOf(headers, wanted) : undefined);
  return {
    /** Set-Cookie that hands out a session, or takes it back. */
    set: (id: string) => `${name}=${id}; ${attributes}`,
    clear: `${name}=; ${attributes}; Max-Age=0`,
    /** The session's id, where the request comes from the console's own scripts; undefined otherwise. */
    read: (headers: Headers) => read(headers, name),
    /** The same whatever made the browser send the request: counts only beside a proof that a script of the console wanted it. */
    ofAnyRequest: (headers: Headers) => cookieOf(headers, name),
    /** Set-Cookie that marks the browser that began to sign in at an identity provider, and its value, as above. */
    setLogin: (secret: string) => `${loginName}=${secret}; ${attributes}; Max-Age=600`,
    readLogin: (headers: Headers) => read(headers, loginName),
  };
}

export type SessionCookie = ReturnType<typeof sessionCookie>;

/**
 * Whether scripts of the console sent the request. Browsers do not tell `Sec-Fetch-Site` over plain HTTP to other hosts, nor `Origin` with GET;
 * the header alone is what no other origin can send without being asked first, and the server never answers such questions with yes.
 */
export function isOwnScript(headers: Headers): boolean {
  if (headers[HEADER] === undefined) return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  return isOwnOrigin(headers);
}

/** Whether somebody at the screen caused it. */
export function isActive(headers: Headers): boolean {
  return headers[HEADER] !== 'idle';
}
