import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../kernel/clock.ts';
import type { Failure } from '../../../kernel/failure.ts';
import type { AccessService } from '../access.service.ts';
import type { appendService } from '../append.service.ts';
import type { Archive } from '../archive.ts';
import type { Blobs } from '../blobs.ts';
import type { bucketService } from '../bucket.service.ts';
import { obsFailure } from '../failures.ts';
import type { fileSystemService } from '../file-system.service.ts';
import type { Asking, Guard } from '../guard.ts';
import type { multipartService } from '../multipart.service.ts';
import type { objectService } from '../object.service.ts';
import type { objectStore } from '../object.store.ts';
import { MAX_METADATA_BYTES, type ObjectAttributes, type ObsPath, type StorageClass } from '../object.ts';
import type { SettingsStore } from '../settings.store.ts';
import type { Usage } from '../usage.store.ts';
import { type Address, utf8Text } from './address.ts';
import type { Authenticated } from './authenticate.ts';
import type { AuthenticatedForm } from './authenticate-form.ts';
import { type Body, bytesOf, openBody } from './body.ts';
import { requestConditions } from './conditions.ts';
import { type Dialect, dialectHeader, parseStorageClass } from './dialect.ts';
import type { Form } from './form.ts';
import { tagsOfHeader } from './tags.ts';
import { renderXml, type Xml } from './xml.ts';

/** What handlers work with. */
export interface ObsServices {
  store: ReturnType<typeof objectStore>;
  blobs: Blobs;
  settings: SettingsStore;
  access: AccessService;
  usage: Usage;
  guard: Guard;
  archive: Archive;
  buckets: ReturnType<typeof bucketService>;
  objects: ReturnType<typeof objectService>;
  append: ReturnType<typeof appendService>;
  multipart: ReturnType<typeof multipartService>;
  fileSystem: ReturnType<typeof fileSystemService>;
  clock: Clock;
  region: string;
  domain: string;
}

/** One authenticated request and its answer. */
export interface ObsCall {
  request: IncomingMessage;
  response: ServerResponse;
  address: Address;
  path: ObsPath;
  principal: Asking;
  dialect: Dialect;
  auth: Authenticated;
  services: ObsServices;
  /** Of an upload from a browser: the form, and the sizes its policy allows. */
  form?: Form & Pick<AuthenticatedForm, 'size'>;
  /** Notes a refusal of one thing of many for the audit trail. */
  denied(failure: Failure): void;
  /** Tells a client that waits for `100 Continue` to send its body. */
  proceed(): void;
}

/** Who asks, with what policies may look at in the request. */
export function callerOf(
  auth: Authenticated,
  request: Pick<IncomingMessage, 'headers' | 'socket'>,
  address: Address,
): Asking {
  const { headers, socket } = request;
  const encrypted = 'encrypted' in socket;
  return {
    ...auth.principal,
    conditions: () => requestConditions({ headers, encrypted }, address, auth.dialect),
    ...(socket.remoteAddress ? { sourceIp: socket.remoteAddress } : {}),
  };
}

/** The headers of a request, and how it speaks. */
export interface HeadersOf {
  request: Pick<IncomingMessage, 'headers'>;
  dialect: Dialect;
}

export type ObsHandler = (call: ObsCall) => Promise<void>;

/** XML documents of requests: 1,000 keys of 1,024 bytes, each byte escaped, fit. */
const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024;
/** Headers that are kept with an object, beside its content type. */
export const KEPT_HEADERS = ['cache-control', 'content-disposition', 'content-encoding', 'content-language', 'expires'];

/** The dialect's header of this name, without prefix. */
export function header(call: HeadersOf, name: string): string | undefined {
  return dialectHeader(call.request.headers, call.dialect, name);
}

/** A whole number from the query within bounds, or `fallback`. Throws Failure InvalidArgument. */
export function numberParameter(call: ObsCall, name: string, fallback: number, max: number): number {
  const text = call.address.query.get(name);
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value > 2 ** 31 - 1) {
    throw obsFailure('InvalidArgument', `${name} must be a whole number from 0 to ${max}.`);
  }
  return Math.min(value, max);
}

/** Opens the body, which of a form is its file, for at most `limit` bytes. */
export function body(call: ObsCall, limit: number): Body {
  const opened = openBody(call.request, call.form?.file ?? bytesOf(call.request), call.auth, limit);
  call.proceed();
  return opened;
}

/** The whole body as text, checked against its digests; undefined when it is empty. */
export async function documentText(call: ObsCall): Promise<string | undefined> {
  const { source, md5, verify } = body(call, MAX_DOCUMENT_BYTES);
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  verify();
  if (md5 !== undefined && createHash('md5').update(bytes).digest('hex') !== md5) throw obsFailure('BadDigest');
  return bytes.length === 0 ? undefined : utf8Text(bytes, 'MalformedXML', 'The document is not valid UTF-8.');
}

interface TimeOf {
  services: Pick<ObsServices, 'clock'>;
}

/** Content type, kept headers, user metadata and storage class of a request that makes an object. */
export function requestAttributes(call: HeadersOf & TimeOf): Partial<ObjectAttributes> {
  const { headers } = call.request;
  const kept: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = headers[name];
    if (typeof value === 'string') kept[name] = value;
  }
  if (kept['content-encoding'] !== undefined) {
    const codings = kept['content-encoding'].split(',').map(coding => coding.trim());
    const rest = codings.filter(coding => coding !== 'aws-chunked').join(',');
    if (rest === '') delete kept['content-encoding'];
    else kept['content-encoding'] = rest;
  }
  const storageClass = storageClassHeader(call);
  return {
    headers: kept,
    metadata: userMetadata(call),
    ...(headers['content-type'] ? { contentType: headers['content-type'] } : {}),
    ...(storageClass ? { storageClass } : {}),
    ...tagsHeader(call),
    ...redirectHeader(call),
    ...expiresHeader(call),
  };
}

/** `x-obs-tagging`: tags of an object that is about to be written. */
function tagsHeader(call: HeadersOf): { tags?: Record<string, string> } {
  const text = header(call, 'tagging');
  return text === undefined ? {} : { tags: tagsOfHeader(text) };
}

/** `website-redirect-location`: a path of the website or an address, of at most 2 KB. Throws Failure InvalidArgument. */
function redirectHeader(call: HeadersOf): { redirect?: string } {
  const redirect = header(call, 'website-redirect-location');
  if (redirect === undefined) return {};
  if (!/^(\/|https?:\/\/)[\x21-\x7e]*$/.test(redirect) || redirect.length > 2048) {
    throw obsFailure(
      'InvalidArgument',
      'website-redirect-location must begin with /, http:// or https:// and have at most 2,048 characters.',
    );
  }
  return { redirect };
}

/** `x-obs-expires`: days after which the object is deleted; clients send it in this form in both dialects. */
function expiresHeader(call: HeadersOf & TimeOf): { expiresAt?: number } {
  const text = header(call, 'expires') ?? call.request.headers['x-obs-expires'];
  if (typeof text !== 'string') return {};
  if (!/^\d{1,7}$/.test(text) || Number(text) < 1) {
    throw obsFailure('InvalidArgument', 'x-obs-expires must be a whole number of days, at least 1.');
  }
  return { expiresAt: call.services.clock.now() + Number(text) * 24 * 3600 * 1000 };
}

/** Storage class asked for in the header. Throws Failure InvalidStorageClass. */
export function storageClassHeader(call: HeadersOf): StorageClass | undefined {
  // esdk-obs-nodejs creates buckets in the AWS dialect with a header that has no prefix.
  const text = header(call, 'storage-class') ?? call.request.headers['x-default-storage-class'];
  if (typeof text !== 'string' || text === '') return undefined;
  const storageClass = parseStorageClass(text.toUpperCase());
  if (!storageClass) throw obsFailure('InvalidStorageClass', `Storage class "${text.slice(0, 40)}" is not valid.`);
  return storageClass;
}

function userMetadata(call: HeadersOf): Record<string, string> {
  const prefix = `${call.dialect.prefix}meta-`;
  const metadata: Record<string, string> = Object.create(null); // a name may be that of a member of all objects
  let bytes = 0;
  for (const [name, value] of Object.entries(call.request.headers)) {
    if (!name.startsWith(prefix) || value === undefined) continue;
    const text = Array.isArray(value) ? value.join(',') : value;
    metadata[name.slice(prefix.length)] = text;
    bytes += name.length - prefix.length + text.length;
  }
  if (bytes > MAX_METADATA_BYTES) throw obsFailure('MetadataTooLarge');
  return metadata;
}

const UNSUPPORTED_HEADERS = /^object-lock-/;

/** Refuses what a request asks for and this store cannot keep, rather than pretending. Throws Failure NotImplemented. */
export function refuseUnsupported(call: ObsCall): void {
  for (const name in call.request.headers) {
    if (!name.startsWith('x-')) continue;
    const bare = /^x-(?:obs|amz)-(.*)$/.exec(name)?.[1];
    if (bare === undefined) continue;
    if (bare === 'callback' || bare === 'callback-var') {
      throw obsFailure(
        'NotImplemented',
        'Callbacks after uploads are not supported: tell your server from the client.',
      );
    }
    if (UNSUPPORTED_HEADERS.test(bare)) throw obsFailure('NotImplemented', `Header ${name} is not supported.`);
  }
}

/** The version that a request names, if any. */
export function versionOf(call: ObsCall): string | undefined {
  return call.address.query.get('versionId') || undefined;
}

/** Answers with a document. */
export function sendXml(call: ObsCall, root: Xml, status = 200): void {
  const text = Buffer.from(renderXml(root, call.dialect.namespace));
  call.response.writeHead(status, { 'Content-Type': 'application/xml', 'Content-Length': text.length });
  call.response.end(call.request.method === 'HEAD' ? undefined : text);
}

/** Answers without a body. */
export function sendEmpty(call: ObsCall, status: number): void {
  if (status !== 204) call.response.setHeader('Content-Length', 0);
  call.response.writeHead(status);
  call.response.end();
}

/** `<Owner>` as the dialect writes it; without a name for those who should not see it. */
export function owner(dialect: Dialect, id: string, name: string | undefined, tag = 'Owner'): Xml {
  return [
    tag,
    dialect.name === 'aws'
      ? [
          ['ID', id],
          ['DisplayName', name],
        ]
      : [['ID', id]],
  ];
}

/** ISO time with milliseconds. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
