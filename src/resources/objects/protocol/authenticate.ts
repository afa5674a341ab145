import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../../kernel/clock.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { type Soon, then } from '../../../kernel/soon.ts';
import { obsFailure } from '../failures.ts';
import type { Address } from './address.ts';
import { AWS, type Dialect, dialectHeader, guessDialect, OBS } from './dialect.ts';
import { signV2, v2StringsToSign } from './signature-v2.ts';
import {
  type ChunkSigner,
  signV4,
  type V4Scope,
  v4ChunkSigner,
  v4SigningKey,
  v4StringsToSign,
} from './signature-v4.ts';

/** An access key as iam resolves it. */
export interface ResolvedKey {
  principal: Principal;
  secret: string;
  /** Of a temporary credential: must accompany every request. */
  securityToken?: string;
  expiresAt?: number;
}

export interface SignedRequest {
  method: string;
  headers: IncomingHttpHeaders;
  address: Address;
}

export interface Authenticated {
  principal: Principal;
  dialect: Dialect;
  /** Value of x-amz-content-sha256 that the signature covers; absent for v2 and OBS signatures. */
  payloadHash?: string;
  /** For streamed v4 bodies. */
  chunkSigner?: ChunkSigner;
  /** `none` of anonymous requests. */
  signature: 'obs' | 'v2' | 'v4' | 'none';
}

/** Whoever shows no credential: it may do what is open to everybody. */
export const ANONYMOUS: Principal = {
  kind: 'anonymous',
  id: '',
  name: 'anonymous',
  accountId: '',
  accountName: '',
  credential: 'none',
};
const CREDENTIAL_PARAMETERS = ['AccessKeyId', 'AWSAccessKeyId', 'X-Amz-Credential', 'X-Amz-Signature'];

export type ResolveKey = (access: string) => Soon<ResolvedKey | undefined>;

const SKEW_MS = 15 * 60_000;
const MAX_EXPIRES_V4 = 7 * 24 * 3600;

/** The dialect of a request by the looks of its credential. */
export function dialectOf(request: SignedRequest): Dialect {
  const { authorization = '' } = request.headers;
  if (authorization.startsWith('OBS ')) return OBS;
  if (authorization.startsWith('AWS')) return AWS;
  const { query } = request.address;
  if (query.has('AWSAccessKeyId') || query.has('X-Amz-Algorithm')) return AWS;
  if (query.has('AccessKeyId')) return OBS;
  return guessDialect(request.headers);
}

/**
 * Finds out who asks: OBS and AWS v2 header signatures, AWS v4 header signatures, and signed URLs of all three; nobody known where there
 * is none of these. Throws Failure AccessDenied (half or expired credential), InvalidAccessKeyId, SignatureDoesNotMatch,
 * RequestTimeTooSkewed, InvalidToken or InvalidArgument.
 */
export function authenticate(request: SignedRequest, resolve: ResolveKey, clock: Clock): Soon<Authenticated> {
  const dialect = dialectOf(request);
  const { authorization } = request.headers;
  const { query } = request.address;
  if (authorization !== undefined) {
    if (authorization.startsWith('AWS4-HMAC-SHA256')) return v4Header(request, authorization, resolve, clock);
    const match = /^(?:OBS|AWS) ([^:\s]+):(\S+)$/.exec(authorization);
    if (!match) throw obsFailure('InvalidArgument', 'The Authorization header is of no supported form.');
    return v2Header(request, dialect, { access: match[1]!, signature: match[2]! }, resolve, clock);
  }
  if (query.get('X-Amz-Algorithm') !== undefined) return v4Query(request, resolve, clock);
  if (query.has('Signature')) return v2Query(request, dialect, resolve, clock);
  // Half a credential is a mistake, which the caller should learn of.
  if (CREDENTIAL_PARAMETERS.some(name => query.has(name))) {
    throw obsFailure('AccessDenied', 'The address names an access key but carries no signature.');
  }
  return { principal: ANONYMOUS, dialect, signature: 'none' };
}

interface V2Credential {
  access: string;
  signature: string;
}

function v2Header(
  request: SignedRequest,
  dialect: Dialect,
  credential: V2Credential,
  resolve: ResolveKey,
  clock: Clock,
): Soon<Authenticated> {
  const { headers } = request;
  const own = dialectHeader(headers, dialect, 'date');
  checkSkew(parseDate(own ?? headers.date), clock);
  return then(resolveKey(resolve, credential.access, clock), key => {
    checkToken(key, dialectHeader(headers, dialect, 'security-token'));
    checkV2({ request, dialect, date: own === undefined ? (headers.date ?? '') : '' }, credential, key);
    return { principal: key.principal, dialect, signature: dialect.name === 'obs' ? 'obs' : 'v2' };
  });
}

function v2Query(request: SignedRequest, dialect: Dialect, resolve: ResolveKey, clock: Clock): Soon<Authenticated> {
  const { query } = request.address;
  const access = query.get(dialect.name === 'obs' ? 'AccessKeyId' : 'AWSAccessKeyId');
  const expires = query.get('Expires') ?? '';
  if (!access || !/^\d{1,12}$/.test(expires)) {
    throw obsFailure('AccessDenied', 'A signed URL needs AccessKeyId or AWSAccessKeyId, Expires and Signature.');
  }
  if (Number(expires) * 1000 < clock.now()) throw obsFailure('AccessDenied', 'The signed URL has expired.');
  return then(resolveKey(resolve, access, clock), key => {
    checkToken(key, query.get(dialect.tokenParameter) ?? dialectHeader(request.headers, dialect, 'security-token'));
    checkV2({ request, dialect, date: expires }, { access, signature: query.get('Signature')! }, key);
    return { principal: signedUrl(key), dialect, signature: dialect.name === 'obs' ? 'obs' : 'v2' };
  });
}

function checkV2(
  signed: { request: SignedRequest; dialect: Dialect; date: string },
  credential: V2Credential,
  key: ResolvedKey,
): void {
  const { request, dialect, date } = signed;
  const texts = v2StringsToSign({ ...request, dialect, date });
  if (!texts.some(text => same(signV2(key.secret, text), credential.signature))) {
    throw obsFailure('SignatureDoesNotMatch');
  }
}

function v4Header(
  request: SignedRequest,
  authorization: string,
  resolve: ResolveKey,
  clock: Clock,
): Soon<Authenticated> {
  const { headers } = request;
  const fields = new Map(
    authorization
      .slice('AWS4-HMAC-SHA256'.length)
      .split(',')
      .map(field => field.trim().split(/=(.*)/s, 2) as [string, string]),
  );
  const { access, scope } = parseCredential(fields.get('Credential'));
  const timestamp = dialectHeader(headers, AWS, 'date') ?? '';
  checkSkew(parseDate(timestamp || headers.date), clock);
  const payloadHash = dialectHeader(headers, AWS, 'content-sha256');
  if (payloadHash === undefined) throw obsFailure('InvalidRequest', 'Header x-amz-content-sha256 is missing.');
  const signedHeaders = (fields.get('SignedHeaders') ?? '').split(';');
  checkAllSigned(headers, signedHeaders);
  return then(resolveKey(resolve, access, clock), key => {
    checkToken(key, dialectHeader(headers, AWS, 'security-token'));
    const signature = fields.get('Signature') ?? '';
    const signing = checkV4({ ...request, timestamp, scope, signedHeaders, payloadHash }, signature, key);
    return {
      principal: key.principal,
      dialect: AWS,
      signature: 'v4',
      payloadHash,
      chunkSigner: v4ChunkSigner(signing, timestamp, scope, signature),
    };
  });
}

function v4Query(request: SignedRequest, resolve: ResolveKey, clock: Clock): Soon<Authenticated> {
  const { headers } = request;
  const { query } = request.address;
  if (query.get('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256') {
    throw obsFailure('InvalidArgument', 'X-Amz-Algorithm must be AWS4-HMAC-SHA256.');
  }
  const { access, scope } = parseCredential(query.get('X-Amz-Credential'));
  const timestamp = query.get('X-Amz-Date') ?? '';
  const expires = Number(query.get('X-Amz-Expires') ?? Number.NaN);
  if (!Number.isInteger(expires) || expires < 1 || expires > MAX_EXPIRES_V4) {
    throw obsFailure('InvalidArgument', `X-Amz-Expires must be from 1 to ${MAX_EXPIRES_V4} seconds.`);
  }
  const since = parseDate(timestamp);
  if (Number.isNaN(since))
    throw obsFailure('AccessDenied', 'X-Amz-Date is missing or not of the form 20260131T000000Z.');
  if (since > clock.now() + SKEW_MS) throw obsFailure('AccessDenied', 'The signed URL is not valid yet.');
  if (since + expires * 1000 < clock.now()) throw obsFailure('AccessDenied', 'The signed URL has expired.');
  const signedHeaders = (query.get('X-Amz-SignedHeaders') ?? '').split(';');
  if (!signedHeaders.includes('host')) throw obsFailure('AccessDenied', 'The host header must be signed.');
  return then(resolveKey(resolve, access, clock), key => {
    checkToken(key, query.get('X-Amz-Security-Token'));
    const payloadHash =
      query.get('X-Amz-Content-Sha256') ?? dialectHeader(headers, AWS, 'content-sha256') ?? 'UNSIGNED-PAYLOAD';
    const signature = query.get('X-Amz-Signature') ?? '';
    checkV4({ ...request, timestamp, scope, signedHeaders, payloadHash }, signature, key);
    return { principal: signedUrl(key), dialect: AWS, signature: 'v4', payloadHash };
  });
}

function checkV4(signed: Parameters<typeof v4StringsToSign>[0], signature: string, key: ResolvedKey): Buffer {
  if (signed.timestamp.slice(0, 8) !== signed.scope.date) {
    throw obsFailure('SignatureDoesNotMatch', 'The date of the credential scope differs from x-amz-date.');
  }
  const signing = v4SigningKey(key.secret, signed.scope);
  if (!v4StringsToSign(signed).some(text => same(signV4(signing, text), signature))) {
    throw obsFailure('SignatureDoesNotMatch');
  }
  return signing;
}

/** Takes `<key>/<date>/<region>/<service>/aws4_request` apart. Throws Failure InvalidArgument. */
export function parseCredential(text: string | undefined): { access: string; scope: V4Scope } {
  const parts = (text ?? '').split('/');
  const [terminal, service, region, date] = parts.slice(-4).reverse();
  const access = parts.slice(0, -4).join('/');
  if (!access || terminal !== 'aws4_request' || !/^\d{8}$/.test(date ?? '')) {
    throw obsFailure('InvalidArgument', 'Credential must be <key>/<yyyymmdd>/<region>/s3/aws4_request.');
  }
  return { access, scope: { date: date!, region: region!, service: service! } };
}

/** Unsigned x-amz-* headers could be added by whoever relays the request. */
function checkAllSigned(headers: IncomingHttpHeaders, signed: readonly string[]): void {
  const loose = Object.keys(headers).filter(name => name.startsWith('x-amz-') && !signed.includes(name));
  if (!signed.includes('host')) loose.push('host');
  if (loose.length > 0) throw obsFailure('AccessDenied', `Headers present but not signed: ${loose.join(', ')}.`);
}

/** Throws Failure InvalidAccessKeyId or ExpiredToken. */
export function resolveKey(resolve: ResolveKey, access: string, clock: Clock): Soon<ResolvedKey> {
  return then(resolve(access), key => {
    if (!key) throw obsFailure('InvalidAccessKeyId');
    if (key.expiresAt !== undefined && key.expiresAt <= clock.now()) throw obsFailure('ExpiredToken');
    return key;
  });
}

/** Throws Failure InvalidToken unless a temporary key comes with its token, and no other key with any. */
export function checkToken(key: ResolvedKey, token: string | undefined): void {
  if (key.securityToken === undefined) {
    if (token) throw obsFailure('InvalidToken');
    return;
  }
  if (!token) throw obsFailure('InvalidToken', 'A temporary access key needs its security token.');
  if (!same(key.securityToken, token)) throw obsFailure('InvalidToken');
}

/** The principal of something signed beforehand. */
export function signedUrl(key: ResolvedKey): Principal {
  return { ...key.principal, credential: 'signed-url' };
}

function checkSkew(time: number, clock: Clock): void {
  if (Number.isNaN(time))
    throw obsFailure('AccessDenied', 'The request needs a valid date: Date, x-obs-date or x-amz-date.');
  if (Math.abs(time - clock.now()) > SKEW_MS) throw obsFailure('RequestTimeTooSkewed');
}

/** HTTP dates and `20260131T120000Z`; NaN for anything else. */
function parseDate(text: string | undefined): number {
  const basic = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '');
  if (!basic) return Date.parse(text ?? '');
  const [, year, month, day, hour, minute, second] = basic;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** Compares in constant time. */
export function same(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
