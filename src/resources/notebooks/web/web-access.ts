import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { cookieOf } from './web-headers.ts';
import { sameSecret, type WebSecrets } from './web-secrets.ts';

/** Name of the cookie that stands for a token once it was shown. Its path is the instance's. */
export const COOKIE = 'atelier-notebook';

/** Under which host names, ports aside, the proxy answers. */
export function hostRule(names: readonly string[], anyAddress: boolean): (host: string | undefined) => boolean {
  const known = new Set(names.map(name => name.toLowerCase()));
  // A star stands for the id of an instance; whether it is the right one is seen when the instance is known.
  const below = names.filter(name => name.startsWith('*')).map(name => name.slice(1).toLowerCase());
  return host => {
    const name = /^(\[[0-9a-f:.]+\]|[^:/?#@\s]+)(:\d{1,5})?$/i.exec(host ?? '')?.[1]?.toLowerCase();
    if (name === undefined) return false;
    if (below.some(domain => name.endsWith(domain))) return true;
    return known.has(name) || (anyAddress && isIP(name.replace(/^\[|\]$/g, '')) !== 0);
  };
}

/** How a request proved that it may use an instance: by something that only its sender knows, or by a cookie, which goes along by itself. */
export type Proof = 'shown' | 'cookie' | undefined;

export function proofOf(
  request: IncomingMessage,
  queryToken: string | null,
  run: { id: string; token: string },
  secrets: WebSecrets,
): Proof {
  const [, header] = /^(?:token|bearer)\s+(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (header !== undefined) return sameSecret(header, run.token) ? 'shown' : undefined;
  if (queryToken !== null && sameSecret(queryToken, run.token)) return 'shown';
  const cookie = cookieOf(request.headers, COOKIE);
  return cookie !== undefined && sameSecret(cookie, secrets.cookie(run)) ? 'cookie' : undefined;
}

/**
 * Whether a page of another site, or of another port, is behind a request that a browser sent with its cookie. Such pages may lead a
 * person to a notebook, and nothing more.
 */
export function isForged(request: IncomingMessage, upgrade: boolean): boolean {
  const { origin, host } = request.headers;
  const safe = (request.method === 'GET' || request.method === 'HEAD') && !upgrade;
  if (origin !== undefined && !(safe && origin === 'null') && hostOf(origin) !== host?.toLowerCase()) return true;
  const site = request.headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  return !(
    safe &&
    request.headers['sec-fetch-mode'] === 'navigate' &&
    request.headers['sec-fetch-dest'] === 'document'
  );
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
