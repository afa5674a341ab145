import { type ObsCode, obsFailure } from '../failures.ts';

/** Where a request goes, as it stands on the wire and decoded. */
export interface Address {
  bucket: string;
  key: string;
  /** The bucket came from the Host header. */
  virtualHost: boolean;
  /** It came as `<bucket>.obs-website.<domain>`: the bucket is asked for as a website. */
  website?: true;
  /** Path as sent, without the query. */
  rawPath: string;
  /** Query pairs as sent, still encoded; a parameter without `=` has value undefined. */
  rawQuery: [name: string, value: string | undefined][];
  /** Decoded query. The first of equal names wins. */
  query: Map<string, string>;
}

/**
 * Takes a request target and Host header apart. `domain` is the service's host name: `<bucket>.<domain>` names a
 * bucket, every other host means path style. Throws Failure InvalidURI when it cannot be decoded as UTF-8.
 */
export function parseAddress(url: string, host: string | undefined, domain: string): Address {
  const target = url.startsWith('/') ? url : url.replace(/^[a-z]+:\/\/[^/?]*/i, '') || '/';
  const mark = target.indexOf('?');
  const rawPath = (mark < 0 ? target : target.slice(0, mark)) || '/';
  const rawQuery: Address['rawQuery'] = [];
  const query = new Map<string, string>();
  for (const pair of mark < 0 ? [] : target.slice(mark + 1).split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? undefined : pair.slice(equals + 1);
    rawQuery.push([name, value]);
    const decoded = decode(name);
    if (!query.has(decoded)) query.set(decoded, decode((value ?? '').replaceAll('+', '%20')));
  }
  const name = hostName(host ?? '');
  const { own, sites } = suffixesOf(domain);
  for (const site of sites) {
    if (!name.endsWith(site) || name.length === site.length) continue;
    const bucket = name.slice(0, -site.length);
    return { bucket, key: decode(rawPath.slice(1)), virtualHost: true, website: true, rawPath, rawQuery, query };
  }
  if (name.endsWith(own) && name.length > own.length) {
    const bucket = name.slice(0, -own.length);
    return { bucket, key: decode(rawPath.slice(1)), virtualHost: true, rawPath, rawQuery, query };
  }
  const slash = rawPath.indexOf('/', 1);
  const bucket = decode(slash < 0 ? rawPath.slice(1) : rawPath.slice(1, slash));
  const key = slash < 0 ? '' : decode(rawPath.slice(slash + 1));
  return { bucket, key, virtualHost: false, rawPath, rawQuery, query };
}

/** In lower case, without the port. */
function hostName(host: string): string {
  const colon = host.lastIndexOf(':');
  const bare = colon >= 0 && /^\d*$/.test(host.slice(colon + 1)) ? host.slice(0, colon) : host;
  return bare.toLowerCase();
}

const suffixes = new Map<string, { own: string; sites: string[] }>();

/**
 * What follows the bucket in a host name: `.<domain>`, and for websites `.obs-website.<domain>` and `.obs-website.<rest>` where the domain
 * is `obs.<rest>`, as OBS' own names are. A server has one domain, so they are made once.
 */
function suffixesOf(domain: string): { own: string; sites: string[] } {
  let found = suffixes.get(domain);
  if (!found) {
    const lower = domain.toLowerCase();
    const sites = [`.obs-website.${lower}`];
    if (lower.startsWith('obs.')) sites.push(`.obs-website.${lower.slice('obs.'.length)}`);
    found = { own: `.${lower}`, sites };
    suffixes.set(domain, found);
  }
  return found;
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text that bytes are in UTF-8. Throws Failure `code` when they are not: a replaced character would name something else. */
export function utf8Text(bytes: Buffer, code: ObsCode, message?: string): string {
  try {
    return strict.decode(bytes);
  } catch (cause) {
    throw obsFailure(code, message, cause);
  }
}

/** A text of the head of a request, whose bytes Node gives as characters, read as UTF-8. Throws Failure `code`. */
export function inUtf8(text: string, code: ObsCode): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  return /^[\x00-\x7f]*$/.test(text) ? text : utf8Text(Buffer.from(text, 'latin1'), code);
}

/** Percent-decoding of UTF-8. Throws Failure InvalidURI. */
export function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw obsFailure('InvalidURI', undefined, cause);
  }
}

/** Percent-encoding of everything but `A-Z a-z 0-9 - . _ ~`. */
export function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
