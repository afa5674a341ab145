import { randomBytes } from 'node:crypto';
import { type IncomingMessage, Server, type ServerResponse } from 'node:http';
import type { Audit } from '../../../http/index.ts';
import { Failure, isFailure } from '../../../kernel/failure.ts';
import { hexId } from '../../../kernel/ids.ts';
import type { Log } from '../../../kernel/log.ts';
import type { Principal } from '../../../kernel/principal.ts';
import type { Soon } from '../../../kernel/soon.ts';
import type { Authorizer } from '../../../policy/authorizer.ts';
import type { AccessLog, LoggedRequest } from '../access-log.ts';
import { type ObsCode, obsFailure } from '../failures.ts';
import { checkKey } from '../object.ts';
import { type Address, parseAddress } from './address.ts';
import { authenticate, dialectOf, type ResolvedKey } from './authenticate.ts';
import { authenticateForm, formDialect, formKey } from './authenticate-form.ts';
import { bytesOf } from './body.ts';
import { callerOf, type ObsCall, type ObsServices } from './call.ts';
import { isCorsHeader, preflight, tellCors } from './cors.ts';
import { AWS, type Dialect, guessDialect, OBS } from './dialect.ts';
import { type Form, openForm } from './form.ts';
import { type Lane, openLane } from './lane.ts';
import { operationName, operationOf, subResourceOf } from './operations.ts';
import { quickReads } from './quick-read.ts';
import { quickWrites } from './quick-write.ts';
import { Reply } from './reply.ts';
import { trails } from './trail.ts';
import { errorPage, redirectAll, serveWebsite } from './website.ts';
import { renderXml } from './xml.ts';

/** A connection on which nothing moves for this long is closed; the whole of a large upload may take any time. */
const IDLE_MS = 120_000;
/** A connection without a request is kept for so long. */
const KEEP_ALIVE_MS = 75_000;
/** What a refused client may still send before the connection is cut: enough for it to read the answer. */
const DRAIN_BYTES = 16 * 1024 * 1024;
const DRAIN_MS = 10_000;

export interface ObsServerDeps extends ObsServices {
  accessLog: AccessLog;
  iam: { resolveAccessKey(access: string): Soon<ResolvedKey | undefined>; authorizer: Authorizer };
  audit: Audit;
  log: Log;
}

/** Answers a request that another server of this process took and whose sender it knows; its address has a bucket as first part of the path. */
export type AnswerFor = (request: IncomingMessage, response: ServerResponse, principal: Principal) => Promise<void>;

/** The HTTP server of both dialects, not listening yet, and the same for requests of others. */
export function createObsServer(deps: ObsServerDeps): { server: Server; answerFor: AnswerFor } {
  const { iam, audit, accessLog, clock, log, domain, ...rest } = deps;
  const services: ObsServices = { clock, domain, ...rest };
  const trailOf = trails({ audit, log, findBucket: services.store.findBucket });
  const hostId = randomBytes(24).toString('base64');

  /** `waits`: the client waits for our word before it sends a body. `known`: who sends it; its credential is looked for when absent. */
  async function handle(
    request: IncomingMessage,
    response: ServerResponse,
    { waits = false, known }: { waits?: boolean; known?: Principal },
  ): Promise<void> {
    const requestId = hexId().toUpperCase();
    let dialect: Dialect | undefined;
    let proceeded = !waits;
    const identify = (chosen: Dialect): Dialect => {
      if (chosen === dialect) return dialect;
      if (dialect) for (const name of identifying(dialect)) response.removeHeader(name);
      dialect = chosen;
      const [idName, hostName] = identifying(chosen);
      response.setHeader(idName, requestId);
      response.setHeader(hostName, hostId);
      return chosen;
    };
    const proceed = () => {
      if (proceeded) return;
      proceeded = true;
      response.writeContinue();
    };
    const trail = trailOf(request, response, requestId);
    response.setHeader('Server', 'OBS');
    let website = false;
    let logged: LoggedRequest | undefined;
    try {
      const address = parseAddress(request.url ?? '/', known ? undefined : request.headers.host, domain);
      if (request.method === 'HEAD' && address.query.has('apiversion')) {
        identify(guessDialect(request.headers));
        return await negotiate(address, response);
      }
      const path = { bucket: address.bucket, key: address.key };
      if (request.method === 'OPTIONS') {
        identify(guessDialect(request.headers));
        return await preflight(services, request, response, path.bucket);
      }
      trail.known.path = path;
      trail.known.query = address.query;
      logged = { request, requestId, path, operation: () => operationName(request, address) };
      await accessLog.watch(logged, response);
      // What a bucket lets other origins do, it lets them do with this server.
      if (!known) await tellCors(services, request, response, path);
      website = address.website === true;
      if (website) identify(guessDialect(request.headers));
      if (website && (await redirectAll(services, address, response))) return;
      const signed = { method: request.method ?? 'GET', headers: request.headers, address };
      let form: Form | undefined;
      if (!known && isForm(request, address)) {
        proceed();
        form = await openForm(bytesOf(request), request.headers['content-type'] ?? '');
        identify(formDialect(form));
        path.key = formKey(form);
        checkKey(path.key);
      } else identify(known ? OBS : dialectOf(signed));
      const posted = form && (await authenticateForm(form, path, iam.resolveAccessKey, clock));
      const auth = known
        ? ({ principal: known, dialect: OBS, signature: 'none' } as const)
        : (posted ?? (await authenticate(signed, iam.resolveAccessKey, clock)));
      trail.known.principal = auth.principal;
      logged.principal = auth.principal;
      identify(auth.dialect);
      checkKey(address.key);
      const call: ObsCall = {
        request,
        response,
        address,
        path,
        principal: callerOf(auth, request, address),
        dialect: auth.dialect,
        auth,
        services,
        ...(form && posted ? { form: { ...form, size: posted.size } } : {}),
        denied: trail.denied,
        proceed,
      };
      const handler = address.website ? serveWebsite : operationOf(call);
      await trail.around(() => handler(call));
      if (!request.complete) finishReading(request, response, proceeded);
    } catch (error) {
      const failure = failureOf(error, request);
      if (logged) logged.errorCode = failure.code;
      if (request.method !== 'OPTIONS') await trail.failed(failure); // a browser's question is no attempt of anybody
      const told = dialect ?? identify(guessDialect(request.headers));
      refuse(request, response, { failure, dialect: told, requestId, proceeded, website });
    }
  }

  /** `HEAD /?apiversion`, unsigned: which dialect this server speaks best (api/README 4.2). */
  async function negotiate(address: Address, response: ServerResponse): Promise<void> {
    const known = address.bucket === '' || (await services.store.findBucket(address.bucket)) !== undefined;
    response.setHeader('x-obs-api', '3.0');
    response.setHeader('Content-Length', 0);
    response.writeHead(known ? 200 : 404);
    response.end();
  }

  function refuse(
    request: IncomingMessage,
    response: ServerResponse,
    context: { failure: Failure; dialect: Dialect; requestId: string; proceeded: boolean; website: boolean },
  ): void {
    const { failure, dialect, requestId } = context;
    if (failure.status >= 500 && failure.code !== 'NotImplemented') {
      log.error({ err: failure.cause ?? failure, requestId, method: request.method }, 'object request failed');
    }
    if (response.headersSent || response.destroyed || response.socket?.destroyed) {
      response.destroy(); // the answer was under way: only a broken connection tells that it is not whole
      return;
    }
    for (const name of response.getHeaderNames()) {
      const kept = (name.startsWith(dialect.prefix) && !name.includes('meta-')) || isCorsHeader(name);
      if (!kept) response.removeHeader(name);
    }
    response.setHeader('Server', 'OBS');
    if (request.method === 'HEAD') {
      response.setHeader(`${dialect.prefix}error-code`, failure.code);
      response.setHeader(`${dialect.prefix}error-message`, headerSafe(failure.message));
    }
    const document = renderXml([
      'Error',
      [
        ['Code', failure.code],
        ['Message', failure.message],
        ['RequestId', requestId],
        ['HostId', hostId],
      ],
    ]);
    const body = Buffer.from(context.website ? errorPage(request, failure) : document);
    response.setHeader('Content-Type', context.website ? 'text/html' : 'application/xml');
    if (request.method !== 'HEAD') response.setHeader('Content-Length', body.length);
    if (!context.proceeded) response.setHeader('Connection', 'close'); // its body may come or not: nobody could tell
    response.writeHead(failure.status);
    response.end(request.method === 'HEAD' ? undefined : body);
    if (!request.complete) finishReading(request, response, context.proceeded);
  }

  const read = quickReads(services, iam.resolveAccessKey);

  /** Answers a plain read of a small object, if that is what is asked for. */
  function answered(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET') return false;
    const found = read({ url: request.url ?? '', headers: request.headers, socket: request.socket });
    if (!found) return false;
    const [idName, hostName] = identifying(found.dialect);
    response.setHeader(idName, hexId().toUpperCase());
    response.setHeader(hostName, hostId);
    response.setHeader('Server', 'OBS');
    for (const [name, value] of found.headers.pairs) response.setHeader(name, value);
    response.end(found.body);
    return true;
  }

  const server = new ObsServer({
    ServerResponse: Reply,
    highWaterMark: 256 * 1024,
    maxHeaderSize: 64 * 1024,
    headersTimeout: 30_000,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requireHostHeader: true,
  });
  server.timeout = IDLE_MS;
  server.on('request', (request, response) => {
    if (!answered(request, response)) void handle(request, response, {});
  });
  server.on('checkContinue', (request, response) => void handle(request, response, { waits: true }));
  server.lane = openLane(server, {
    read,
    write: quickWrites(services, iam.resolveAccessKey),
    begin: dialect => {
      const [idName, hostName] = identifying(dialect);
      return `${idName}: ${hexId().toUpperCase()}\r\n${hostName}: ${hostId}\r\nServer: OBS\r\n`;
    },
    idleMs: KEEP_ALIVE_MS,
  });
  return { server, answerFor: (request, response, known) => handle(request, response, { known }) };
}

/** Closes with its own the connections that it has not been given yet. */
class ObsServer extends Server<typeof IncomingMessage, typeof Reply> {
  lane: Lane | undefined;

  override closeIdleConnections(): void {
    super.closeIdleConnections();
    this.lane?.close();
  }

  override closeAllConnections(): void {
    super.closeAllConnections();
    this.lane?.destroy();
  }
}

/** The names of the two headers that every answer has. */
const identifying = (dialect: Dialect) => (dialect === AWS ? AWS_IDS : OBS_IDS);
const OBS_IDS = [`${OBS.prefix}request-id`, `${OBS.prefix}id-2`] as const;
const AWS_IDS = [`${AWS.prefix}request-id`, `${AWS.prefix}id-2`] as const;

/** Whether a request is an upload from a browser's form, which carries its credential within. */
function isForm(request: IncomingMessage, address: Address): boolean {
  return (
    request.method === 'POST' &&
    address.bucket !== '' &&
    address.key === '' &&
    subResourceOf(address.query) === undefined &&
    request.headers.authorization === undefined &&
    /^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')
  );
}

/** Lets a client that still sends come to the end of it, within bounds, so that it reads our answer. */
function finishReading(request: IncomingMessage, response: ServerResponse, proceeded: boolean): void {
  if (!proceeded) return; // it waits for our word and will not send
  let left = DRAIN_BYTES;
  const cut = () => {
    clearTimeout(timer);
    request.destroy();
  };
  const timer = setTimeout(cut, DRAIN_MS);
  timer.unref();
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) cut();
  });
  request.on('error', () => clearTimeout(timer));
  request.on('end', () => clearTimeout(timer));
  response.on('error', () => {});
}

const DISK_FULL = new Set<unknown>(['ENOSPC', 'EDQUOT']);
const BUSY = new Set<unknown>(['EMFILE', 'ENFILE']);
/** Result codes of SQLite. */
const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

function failureOf(error: unknown, request: IncomingMessage): Failure {
  if (isFailure(error)) return error;
  const { code, errcode } = error as { code?: string; errcode?: number };
  // A request that came whole is destroyed as well, once it is read: then the fault is ours.
  const cut = request.destroyed && !request.complete;
  if (code === 'ECONNRESET' || code === 'ABORT_ERR' || code === 'ERR_STREAM_PREMATURE_CLOSE' || cut) {
    return obsFailure('IncompleteBody', undefined, error);
  }
  if (BUSY.has(code) || errcode === SQLITE_BUSY) return obsFailure('SlowDown', undefined, error);
  if (DISK_FULL.has(code) || errcode === SQLITE_FULL) {
    return new Failure({
      code: 'InsufficientStorageSpace',
      status: 507,
      message: 'The disk of the object store is full: delete objects or add space, then try again.',
      cause: error,
    });
  }
  return obsFailure('InternalError' satisfies ObsCode, undefined, error);
}

function headerSafe(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1000);
}
