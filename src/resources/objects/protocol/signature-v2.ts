import type { IncomingHttpHeaders } from 'node:http';
import { hmacText } from '../../../kernel/hmac.ts';
import { type Address, decode } from './address.ts';
import type { Dialect } from './dialect.ts';

/** Query parameters that belong to the signed resource (api/README 4.3). */
const SIGNED_PARAMETERS = new Set(
  `acl append attname backtosource bucketstatus cors customdomain delete deletebucket directcoldaccess encryption
  inventory length lifecycle location logging metadata mirrorbacktosource modify name notification object-lock obsalias
  obsbucketalias obscompresspolicy obsworkflowtriggerpolicy partnumber policy policystatus position publicaccessblock
  quota rename replication requestpayment response-cache-control response-content-disposition
  response-content-encoding response-content-language response-content-type response-expires restore retention
  storageclass storageinfo storagepolicy tagging torrent truncate uploadid uploads versionid versioning versions
  website x-image-process x-image-save-bucket x-image-save-object x-obs-security-token x-amz-security-token
  x-oss-process`.split(/\s+/),
);

/** What OBS and AWS v2 signatures cover: `date` is the Date line, or `Expires` of a signed URL. */
export interface V2Request {
  method: string;
  headers: IncomingHttpHeaders;
  address: Address;
  date: string;
  dialect: Dialect;
}

/** base64(HMAC-SHA1(secret, text)). */
export function signV2(secret: string, text: string): string {
  return hmacText('sha1', secret, text, 'base64');
}

/** The texts that a client may have signed: they differ in how the path of a bucket is written. */
export function v2StringsToSign(request: V2Request): string[] {
  const { method, headers, dialect, address } = request;
  const head = `${method}\n${headers['content-md5'] ?? ''}\n${headers['content-type'] ?? ''}\n${request.date}\n`;
  const text = head + canonicalHeaders(headers, dialect);
  const query = canonicalQuery(address);
  return resources(address).map(resource => text + resource + query);
}

function canonicalHeaders(headers: IncomingHttpHeaders, dialect: Dialect): string {
  return Object.keys(headers)
    .filter(name => name.startsWith(dialect.prefix))
    .sort()
    .map(name => `${name}:${headerText(headers[name]).trim()}\n`)
    .join('');
}

/** Header bytes as UTF-8 where they are, so that the signature sees what the client saw. */
export function headerText(value: string | string[] | undefined): string {
  const text = Array.isArray(value) ? value.join(',') : (value ?? '');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  const utf8 = Buffer.from(text, 'latin1').toString('utf8');
  return utf8.includes('\ufffd') ? text : utf8;
}

function resources(address: Address): string[] {
  const { rawPath, bucket, key, virtualHost } = address;
  if (virtualHost) return [`/${bucket}${rawPath}`];
  if (bucket !== '' && key === '') return [rawPath, rawPath.endsWith('/') ? rawPath.slice(0, -1) : `${rawPath}/`];
  return [rawPath];
}

function canonicalQuery(address: Address): string {
  const signed = address.rawQuery
    .map(([name, value]) => [decode(name), value] as const)
    .filter(([name]) => SIGNED_PARAMETERS.has(name.toLowerCase()) || name.toLowerCase().startsWith('x-workflow-'))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => (value === undefined || value === '' ? name : `${name}=${decode(value)}`));
  return signed.length > 0 ? `?${signed.join('&')}` : '';
}
