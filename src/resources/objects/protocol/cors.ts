import type { IncomingMessage, ServerResponse } from 'node:http';
import { obsFailure } from '../failures.ts';
import type { CorsRule, CorsSettings } from '../settings.ts';
import type { ObsServices } from './call.ts';
import { group, integer, list, oneOf, type Shape, text } from './xml-shape.ts';

const MAX_RULES = 100;
const MAX_VALUES = 100;

/** `<CORSConfiguration>`: at most 100 rules (OBS "Configuring Bucket CORS", S3 PutBucketCors). */
export const corsShape: Shape<CorsSettings> = {
  CORSRule: list(
    group<CorsRule>({
      ID: text(255),
      AllowedMethod: list<string>(oneOf('GET', 'PUT', 'HEAD', 'POST', 'DELETE'), 1, MAX_VALUES),
      AllowedOrigin: list(text(2048, /^[^*\s]*\*?[^*\s]*$/, 'an origin with at most one wildcard *'), 1, MAX_VALUES),
      AllowedHeader: list(
        text(1024, /^[^*\s]*\*?[^*\s]*$/, 'a header name with at most one wildcard *'),
        0,
        MAX_VALUES,
      ),
      MaxAgeSeconds: integer(0, 2 ** 31 - 1),
      ExposeHeader: list(text(1024, /^[!#$%&'+.^_`|~\w-]+$/, 'a header name without wildcard'), 0, MAX_VALUES),
    }),
    1,
    MAX_RULES,
  ),
};

/** Whether `value` fits `pattern`, in which one `*` stands for anything. */
function fits(pattern: string, value: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === value;
  const before = pattern.slice(0, star);
  const after = pattern.slice(star + 1);
  return value.length >= before.length + after.length && value.startsWith(before) && value.endsWith(after);
}

/** What a browser, or a program on its behalf, asks about. No method: any will do. */
interface CrossOrigin {
  origin: string;
  method: string | undefined;
  headers: readonly string[];
}

/** The first rule under which a request is allowed. */
function matchingRule(settings: CorsSettings, asked: CrossOrigin): CorsRule | undefined {
  return settings.CORSRule.find(
    rule =>
      rule.AllowedOrigin.some(pattern => fits(pattern, asked.origin)) &&
      (asked.method === undefined || rule.AllowedMethod.includes(asked.method)) &&
      asked.headers.every(name => rule.AllowedHeader?.some(pattern => fits(pattern.toLowerCase(), name))),
  );
}

function tell(response: ServerResponse, rule: CorsRule, asked: CrossOrigin): void {
  const anyone = rule.AllowedOrigin.includes('*');
  response.setHeader('Access-Control-Allow-Origin', anyone ? '*' : asked.origin);
  if (!anyone) response.setHeader('Access-Control-Allow-Credentials', 'true');
  response.setHeader('Access-Control-Allow-Methods', rule.AllowedMethod.join(', '));
  if (asked.headers.length > 0) response.setHeader('Access-Control-Allow-Headers', asked.headers.join(', '));
  if (rule.ExposeHeader) response.setHeader('Access-Control-Expose-Headers', rule.ExposeHeader.join(', '));
  if (rule.MaxAgeSeconds !== undefined) response.setHeader('Access-Control-Max-Age', rule.MaxAgeSeconds);
  response.setHeader('Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers');
}

/** Names of headers that a request announces. Only names: they go back into a header of the answer. */
function requestedHeaders(request: IncomingMessage): string[] {
  const names = String(request.headers['access-control-request-headers'] ?? '').split(',');
  const asked = names.map(name => name.trim().toLowerCase()).filter(name => name !== '');
  if (asked.some(name => !/^[!#$%&'*+.^_`|~\w-]+$/.test(name))) {
    throw obsFailure('BadRequest', 'Access-Control-Request-Headers must be a list of header names.');
  }
  if (asked.length > MAX_VALUES) {
    throw obsFailure('BadRequest', `Access-Control-Request-Headers has ${asked.length} names; limit: ${MAX_VALUES}.`);
  }
  return asked;
}

/** Headers of the answers that `tellCors` gives: they stay on errors too, or a browser could not read them. */
export function isCorsHeader(name: string): boolean {
  return name.startsWith('access-control-') || name === 'vary';
}

/**
 * Puts the headers on the answer of an actual request whose Origin matches a rule of the bucket, whatever becomes of it. HEAD of a bucket
 * tells them for any method (OBS "Obtaining Bucket Metadata").
 */
export async function tellCors(
  services: Pick<ObsServices, 'settings'>,
  request: IncomingMessage,
  response: ServerResponse,
  path: { bucket: string; key: string },
): Promise<void> {
  const { origin } = request.headers;
  if (origin === undefined || path.bucket === '') return;
  const found = (await services.settings.having('cors')).get(path.bucket);
  if (!found) return;
  const probe = request.method === 'HEAD' && path.key === '';
  const asked = { origin, method: probe ? undefined : request.method, headers: requestedHeaders(request) };
  const rule = matchingRule(found.value, asked);
  if (rule) tell(response, rule, asked);
}

/**
 * Answers `OPTIONS`, which browsers send without a signature. Throws Failure AccessForbidden unless a rule of the bucket allows what is
 * announced, BadRequest when nothing is, NoSuchBucket.
 */
export async function preflight(
  services: Pick<ObsServices, 'settings' | 'store'>,
  request: IncomingMessage,
  response: ServerResponse,
  bucket: string,
): Promise<void> {
  const { origin } = request.headers;
  if (origin === undefined) throw obsFailure('BadRequest', 'The header Origin is needed.');
  const method = request.headers['access-control-request-method'];
  if (method === undefined) throw obsFailure('BadRequest', 'The header Access-Control-Request-Method is needed.');
  const found = (await services.settings.having('cors')).get(bucket);
  if (!found) {
    if (bucket === '' || !(await services.store.findBucket(bucket))) throw obsFailure('NoSuchBucket');
    throw obsFailure('AccessForbidden', 'CORSResponse: CORS is not enabled for this bucket.');
  }
  const asked = { origin, method, headers: requestedHeaders(request) };
  const rule = matchingRule(found.value, asked);
  if (!rule) {
    throw obsFailure('AccessForbidden', 'CORSResponse: This CORS request is not allowed by a rule of the bucket.');
  }
  tell(response, rule, asked);
  response.setHeader('Content-Length', 0);
  response.writeHead(200);
  response.end();
}
