import type { IncomingHttpHeaders } from 'node:http';

/** Belong to one connection, not to the message (RFC 9110 7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
/** Never reach what a user runs: credentials of the platform, and what only proxies say. */
const NEVER_SENT = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'cookie',
  'forwarded',
  'x-auth-token',
  'x-operator-key',
  'x-sdk-date',
  'x-security-token',
]);
/** Never come from what a user runs: they would hold for the whole origin, or open it to others. */
const NEVER_TAKEN = new Set([
  ...HOP_BY_HOP,
  'alt-svc',
  'clear-site-data',
  'service-worker-allowed',
  'set-cookie',
  'strict-transport-security',
]);
/** The one cookie that the web IDE itself needs, against forged requests. */
const OWN_COOKIE = /^_xsrf=/;

/** The value of a cookie of a request, or undefined. */
export function cookieOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  for (const cookie of (headers.cookie ?? '').split(';')) {
    const [key, ...value] = cookie.trim().split('=');
    if (key === name) return value.join('=');
  }
  return undefined;
}

/** The headers of a request as the web IDE gets them: with the proxy's credential in place of the caller's. */
export function requestHeaders(headers: NodeJS.Dict<string[]>, secret: string): Record<string, string[]> {
  const named = new Set((headers.connection ?? []).flatMap(value => value.toLowerCase().split(/\s*,\s*/)));
  const sent: Record<string, string[]> = {};
  for (const [name, values] of Object.entries(headers)) {
    if (!values || NEVER_SENT.has(name) || named.has(name) || name.startsWith('x-forwarded-')) continue;
    sent[name] = values;
  }
  const cookies = (headers.cookie ?? [])
    .flatMap(value => value.split(';'))
    .map(cookie => cookie.trim())
    .filter(cookie => OWN_COOKIE.test(cookie));
  if (cookies.length > 0) sent.cookie = [cookies.join('; ')];
  sent.authorization = [`token ${secret}`];
  return sent;
}

/** The headers of an answer as the browser gets them. Cookies are held to the path of the instance, `/<id>/`. */
export function responseHeaders(headers: NodeJS.Dict<string[]>, path: string): Record<string, string[]> {
  const taken: Record<string, string[]> = {};
  for (const [name, values] of Object.entries(headers)) {
    if (!values || NEVER_TAKEN.has(name) || name.startsWith('access-control-')) continue;
    taken[name] = values;
  }
  const cookies = (headers['set-cookie'] ?? []).filter(cookie => OWN_COOKIE.test(cookie));
  if (cookies.length > 0) {
    taken['set-cookie'] = cookies.map(cookie => {
      const [pair, ...attributes] = cookie.split(';').map(part => part.trim());
      const kept = attributes.filter(attribute => /^(expires|max-age|secure|httponly)\b/i.test(attribute));
      return [pair, ...kept, `Path=${path}`, 'SameSite=Lax'].join('; ');
    });
  }
  return taken;
}
