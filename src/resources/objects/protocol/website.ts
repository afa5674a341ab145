import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type Failure, isFailure } from '../../../kernel/failure.ts';
import { orElse } from '../../../kernel/soon.ts';
import { obsFailure } from '../failures.ts';
import type { RoutingRule, WebsiteSettings } from '../settings.ts';
import { type Address, encodeStrictly } from './address.ts';
import type { ObsCall, ObsServices } from './call.ts';
import { getObject } from './object.handlers.ts';

/** Answers where all of a website is elsewhere; that needs nobody's permission. False where it is not. */
export async function redirectAll(
  services: Pick<ObsServices, 'settings'>,
  address: Address,
  response: ServerResponse,
): Promise<boolean> {
  const found = (await services.settings.having('website')).get(address.bucket);
  const all = found?.value.RedirectAllRequestsTo;
  if (!all) return false;
  const mark = address.rawPath.startsWith('/') ? address.rawPath : '/';
  sendRedirect(response, 301, `${all.Protocol ?? 'http'}://${all.HostName}${mark}`);
  return true;
}

/**
 * GET and HEAD of `<bucket>.obs-website.<domain>`: objects as pages, the index of folders, redirects, and the error document with the
 * status of the error (OBS "Static Website Hosting").
 */
export async function serveWebsite(call: ObsCall): Promise<void> {
  const { request, services, path } = call;
  if (request.method !== 'GET' && request.method !== 'HEAD') throw obsFailure('MethodNotAllowed');
  const settings = (await services.settings.having('website')).get(path.bucket)?.value;
  if (!settings?.IndexDocument) {
    const bucket = await services.store.findBucket(path.bucket);
    throw obsFailure(bucket ? 'NoSuchWebsiteConfiguration' : 'NoSuchBucket');
  }
  const moved = routeOf(settings, path.key, undefined);
  if (moved) return sendRedirect(call.response, moved.Redirect.HttpRedirectCode ?? 301, locationOf(call, moved));
  const { Suffix } = settings.IndexDocument;
  try {
    await servePage(call, path.key === '' || path.key.endsWith('/') ? path.key + Suffix : path.key);
  } catch (error) {
    if (!isFailure(error) || call.response.headersSent) throw error;
    if (error.status === 404 && !path.key.endsWith('/') && (await hasIndex(call, `${path.key}/${Suffix}`))) {
      return sendRedirect(call.response, 302, `/${encodedKey(`${path.key}/`)}`);
    }
    await serveError(call, settings, error);
  }
}

async function servePage(call: ObsCall, key: string): Promise<void> {
  const path = { bucket: call.path.bucket, key };
  const { info } = await call.services.objects.open(call.principal, path);
  if (info.redirect) return sendRedirect(call.response, 301, info.redirect);
  // Parameters of the API mean nothing on a website, and nobody signed them.
  await getObject({ ...call, path, address: { ...call.address, query: new Map() } });
}

async function hasIndex(call: ObsCall, key: string): Promise<boolean> {
  if (call.path.key === '' || Buffer.byteLength(key) > 1024) return false;
  try {
    return (await call.services.objects.head(call.principal, { bucket: call.path.bucket, key })) !== undefined;
  } catch (error) {
    if (isFailure(error)) return false;
    throw error;
  }
}

async function serveError(call: ObsCall, settings: WebsiteSettings, failure: Failure): Promise<void> {
  const { response, services, principal, request } = call;
  const moved = routeOf(settings, call.path.key, failure.status);
  if (moved) return sendRedirect(response, moved.Redirect.HttpRedirectCode ?? 301, locationOf(call, moved));
  const key = settings.ErrorDocument?.Key;
  if (key === undefined) throw failure;
  const found = await orElse(
    () => services.objects.open(principal, { bucket: call.path.bucket, key }),
    error => {
      throw isFailure(error) ? failure : error; // what went wrong is the page, not its error document
    },
  );
  await services.archive.checkReadable(found.info);
  for (const [name, value] of Object.entries({ ...found.info.headers, 'content-type': found.info.contentType })) {
    response.setHeader(name, value);
  }
  response.setHeader('Content-Length', found.info.size);
  response.setHeader(`${call.dialect.prefix}error-code`, failure.code);
  response.writeHead(failure.status);
  if (request.method === 'HEAD') response.end();
  else await pipeline(services.blobs.stream(found.segments), response);
}

/** The first routing rule for a key: before it is looked for (`status` undefined), or after that failed with `status`. */
function routeOf(settings: WebsiteSettings, key: string, status: number | undefined): RoutingRule | undefined {
  return settings.RoutingRules?.RoutingRule.find(
    ({ Condition }) =>
      Condition?.HttpErrorCodeReturnedEquals === status && key.startsWith(Condition?.KeyPrefixEquals ?? ''),
  );
}

function locationOf(call: ObsCall, rule: RoutingRule): string {
  const { Protocol, HostName, ReplaceKeyPrefixWith, ReplaceKeyWith } = rule.Redirect;
  const prefix = rule.Condition?.KeyPrefixEquals ?? '';
  const { key } = call.path;
  const target =
    ReplaceKeyWith ?? (ReplaceKeyPrefixWith === undefined ? key : ReplaceKeyPrefixWith + key.slice(prefix.length));
  if (!Protocol && !HostName) return `/${encodedKey(target)}`;
  return `${Protocol ?? 'http'}://${HostName ?? call.request.headers.host}/${encodedKey(target)}`;
}

/** A key as a path; a slash at its beginning would make it a host. */
function encodedKey(key: string): string {
  return encodeStrictly(key)
    .replaceAll('%2F', '/')
    .replace(/^\/+/, slashes => '%2F'.repeat(slashes.length));
}

function sendRedirect(response: ServerResponse, status: number, location: string): void {
  response.writeHead(status, { Location: location, 'Content-Length': 0 });
  response.end();
}

/** The page of an error where no error document is set. */
export function errorPage(request: IncomingMessage, failure: Failure): string {
  const escaped = failure.message.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`);
  const title = `${failure.status} ${failure.code}`;
  const body = request.method === 'HEAD' ? '' : `<h1>${title}</h1><p>${escaped}</p>`;
  return `<!DOCTYPE html><html><head><meta charset="utf-8"><title>${title}</title></head><body>${body}</body></html>\n`;
}
