import { hkdfSync } from 'node:crypto';
import { hmacText } from '../../kernel/hmac.ts';
import { sameText, sha256 } from './secrets.ts';

/** A signed request as it arrived, or as the gateway describes it. */
export interface SignedRequest {
  method: string;
  /** Raw path, without query. */
  path: string;
  /** Raw query, without `?`. */
  query: string;
  /** Lower-case names. */
  headers: Record<string, string | undefined>;
  /** SHA-256 of the body in hexadecimal digits; absent when the asker could not hash it. */
  bodySha256?: string;
}

export interface ParsedAuthorization {
  algorithm: 'SDK-HMAC-SHA256' | 'V11-HMAC-SHA256';
  access: string;
  signedHeaders: string[];
  signature: string;
  /** `<yyyymmdd>/<region>/<service>`, with V11. */
  info?: string;
}

const MAX_SKEW_MS = 15 * 60_000;

/** Takes an Authorization header of the official SDKs apart, or undefined (reference api/README 3.2). */
export function parseAuthorization(header: string): ParsedAuthorization | undefined {
  const match =
    /^(SDK-HMAC-SHA256|V11-HMAC-SHA256)\s+(?:Access|Credential)=([^,\s]+),\s*SignedHeaders=([^,\s]*),\s*Signature=([0-9a-fA-F]+)\s*$/.exec(
      header,
    );
  if (!match) return undefined;
  const [access, ...info] = match[2]!.split('/');
  return {
    algorithm: match[1] as ParsedAuthorization['algorithm'],
    access: access!,
    signedHeaders: match[3]!.split(';').filter(Boolean),
    signature: match[4]!.toLowerCase(),
    ...(info.length > 0 ? { info: info.join('/') } : {}),
  };
}

export type SignatureVerdict = 'good' | 'bad' | 'skewed' | 'undated' | 'unhashed';

/**
 * Verifies a signature by rebuilding what the client says it signed, trying the path spellings that official clients produce.
 * `secret` is the plain secret of the key.
 */
export function verifySignature(
  request: SignedRequest,
  authorization: ParsedAuthorization,
  secret: string,
  now: number,
): SignatureVerdict {
  const date = request.headers['x-sdk-date'] ?? '';
  const at = parseDate(date);
  if (at === undefined) return 'undated';
  if (Math.abs(now - at) > MAX_SKEW_MS) return 'skewed';
  const headers = authorization.signedHeaders.map(name => name.toLowerCase());
  // A signature that does not cover its date could be used at any time; without the host, at any server that knows the key.
  if (!headers.includes('x-sdk-date') || !headers.includes('host')) return 'bad';
  const declared = request.headers['x-sdk-content-sha256'];
  if (declared !== 'UNSIGNED-PAYLOAD') {
    if (request.bodySha256 === undefined) return 'unhashed';
    if (declared !== undefined && !sameText(declared.toLowerCase(), request.bodySha256.toLowerCase())) return 'bad';
  }
  const payload = declared ?? request.bodySha256;
  const key = signingKey(authorization, secret);
  const query = canonicalQuery(request.query);
  const trimMatters = headers.some(name => request.headers[name] !== request.headers[name]?.trim());
  // The usual spelling comes first, and the others are made only for a signature that does not fit it.
  for (const path of pathCandidates(request.path)) {
    for (const trim of trimMatters ? [false, true] : [false]) {
      const canonical = [
        request.method.toUpperCase(),
        path,
        query,
        `${headers.map(name => `${name}:${headerValue(request.headers[name], trim)}`).join('\n')}\n`,
        authorization.signedHeaders.join(';'),
        payload,
      ].join('\n');
      const lines = [
        authorization.algorithm,
        date,
        ...(authorization.info ? [authorization.info] : []),
        sha256(canonical),
      ];
      const expected = hmacText('sha256', key, lines.join('\n'), 'hex');
      if (sameText(expected, authorization.signature)) return 'good';
    }
  }
  return 'bad';
}

function signingKey(authorization: ParsedAuthorization, secret: string): string {
  if (authorization.algorithm === 'SDK-HMAC-SHA256') return secret;
  const derived = hkdfSync('sha256', secret, authorization.access, authorization.info ?? '', 32);
  return Buffer.from(derived).toString('hex');
}

function headerValue(value: string | undefined, trim: boolean): string {
  return trim ? (value ?? '').trim() : (value ?? '');
}

/** Milliseconds since the epoch of `YYYYMMDDTHHMMSSZ`. */
function parseDate(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second] = match.map(Number);
  return Date.UTC(year!, month! - 1, day!, hour!, minute!, second!);
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The spellings of a path that official clients sign: decoded and encoded; the raw text encoded again; and a mixture. */
function* pathCandidates(path: string): Generator<string> {
  const spelled = (segment: (text: string) => string) => {
    const text = path.split('/').map(segment).join('/');
    return text.endsWith('/') ? text : `${text}/`;
  };
  // Where nothing needs encoding all spellings are the path itself.
  if (/^[\w./~-]*$/.test(path)) {
    yield path.endsWith('/') ? path : `${path}/`;
    return;
  }
  const usual = spelled(segment => encode(decode(segment)));
  yield usual;
  const others = [
    spelled(encode),
    spelled(segment => encode(segment.replaceAll(/(?:%[89A-Fa-f][0-9A-Fa-f])+/g, decode))),
  ];
  for (const other of new Set(others)) if (other !== usual) yield other;
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  const byName = new Map<string, string[]>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = decode((at < 0 ? pair : pair.slice(0, at)).replaceAll('+', '%2B'));
    const value = at < 0 ? '' : decode(pair.slice(at + 1).replaceAll('+', '%2B'));
    byName.set(name, [...(byName.get(name) ?? []), value]);
  }
  return [...byName.keys()]
    .sort()
    .flatMap(name =>
      byName
        .get(name)!
        .sort()
        .map(value => `${encode(name)}=${encode(value)}`),
    )
    .join('&');
}
