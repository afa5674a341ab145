import { createHash, createHmac } from 'node:crypto';

/** An access key, permanent or temporary. */
export interface AccessKey {
  access: string;
  secret: string;
  securityToken?: string;
}

/**
 * Headers that sign a request with SDK-HMAC-SHA256 (reference api/README 3.2).
 * `url` is the whole URL; `body` the exact bytes, or 'unsigned' for a body that is not covered.
 */
export function signRequest(
  key: AccessKey,
  request: { method: string; url: URL; headers: Record<string, string>; body: Buffer | 'unsigned' },
  now: Date,
): Record<string, string> {
  const date = `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  const headers: Record<string, string> = {
    ...lowerCased(request.headers),
    host: request.url.host,
    'x-sdk-date': date,
  };
  if (key.securityToken) headers['x-security-token'] = key.securityToken;
  if (request.body === 'unsigned') headers['x-sdk-content-sha256'] = 'UNSIGNED-PAYLOAD';
  const signed = Object.keys(headers)
    .filter(name => !(request.body === 'unsigned' && name === 'content-type'))
    .sort();
  const payload = request.body === 'unsigned' ? 'UNSIGNED-PAYLOAD' : sha256(request.body);
  const canonical = [
    request.method,
    canonicalPath(request.url.pathname),
    canonicalQuery(request.url.searchParams),
    `${signed.map(name => `${name}:${headers[name]!.trim()}`).join('\n')}\n`,
    signed.join(';'),
    payload,
  ].join('\n');
  const text = `SDK-HMAC-SHA256\n${date}\n${sha256(Buffer.from(canonical))}`;
  const signature = createHmac('sha256', key.secret).update(text).digest('hex');
  return {
    ...headers,
    authorization: `SDK-HMAC-SHA256 Access=${key.access}, SignedHeaders=${signed.join(';')}, Signature=${signature}`,
  };
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function canonicalPath(path: string): string {
  const encoded = path
    .split('/')
    .map(segment => encode(decodeURIComponent(segment)))
    .join('/');
  return encoded.endsWith('/') ? encoded : `${encoded}/`;
}

function canonicalQuery(query: URLSearchParams): string {
  return [...query.entries()]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort((a, b) => (a[0] === b[0] ? (a[1] < b[1] ? -1 : 1) : a[0] < b[0] ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}
