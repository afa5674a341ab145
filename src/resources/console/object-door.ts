import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../kernel/clock.ts';
import { Failure, isFailure } from '../../kernel/failure.ts';
import { hmacText } from '../../kernel/hmac.ts';
import { hexId } from '../../kernel/ids.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import { errorBody } from '../../wire/error-body.ts';
import type { AnswerFor } from '../objects/index.ts';
import type { SessionCookie } from './session.cookie.ts';

/** `/console/obs`, `/console/obs/<bucket>`, `/console/obs/<bucket>/=<key>`: browsers take `.` and `..` out of paths, so the key is one part of it. */
const PLACE = /^\/console\/obs(?:\/([^/?]+)(?:\/=([^/?]*))?)?\/?(?:\?(.*))?$/;
const TICKET_MS = 10 * 60_000;
/** A connection of an object's request on which nothing moves for this long is closed. */
const IDLE_MS = 120_000;

/**
 * What an answer has, whatever the object says of itself: it may be anybody's HTML, so it is never a document of the console's origin, nor
 * kept where the next user of the browser finds it.
 */
const FIXED = {
  'Content-Security-Policy': "default-src 'none'; sandbox",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
} as const;

interface Place {
  bucket: string;
  key: string;
  versionId?: string;
}

export interface ObjectDoor {
  /** Takes requests below `/console/obs`; false for all others. */
  take(request: IncomingMessage, response: ServerResponse): boolean;
  /** An address at which the browser with this session, and nobody else, may save an object as a file. */
  ticket(sessionId: string, place: Place): string;
}

/**
 * The object store on the console's own origin: requests of its scripts go on to the same handlers as those of the OBS port, in the name of
 * the session's user (docs/decisions/0019). Bodies are streamed.
 */
export function objectDoor(deps: {
  cookie: SessionCookie;
  clock: Clock;
  log: Log;
  key: Buffer;
  /** The caller of a session; throws Failure 401 when it has ended. */
  callerOf(sessionId: string, headers: IncomingMessage['headers'], address: string): Promise<Principal>;
  answerFor: AnswerFor;
}): ObjectDoor {
  const { cookie, clock, log, key } = deps;

  const proof = (sessionId: string, target: string, expires: string) =>
    hmacText('sha256', key, [sessionId, target, expires].join('\n'), 'base64url');

  /** The session of a request: by the console's header, or by a ticket made for this session and address. */
  function sessionOf(request: IncomingMessage, target: string, query: URLSearchParams): string | undefined {
    const ticket = query.get('ticket');
    if (ticket === null) return cookie.read(request.headers);
    const id = cookie.ofAnyRequest(request.headers);
    const [expires = '', mac = ''] = ticket.split('.');
    if (id === undefined || request.method !== 'GET' || !(Number(expires) > clock.now())) return undefined;
    const wanted = Buffer.from(proof(id, target, expires));
    const given = Buffer.from(mac);
    return wanted.length === given.length && timingSafeEqual(wanted, given) ? id : undefined;
  }

  async function answer(request: IncomingMessage, response: ServerResponse, place: RegExpExecArray): Promise<void> {
    const [, bucket = '', object, rest = ''] = place;
    const query = new URLSearchParams(rest);
    const versionId = query.get('versionId') ?? '';
    const target = [bucket, object ?? '', versionId].join('/');
    const id = sessionOf(request, target, query);
    if (id === undefined) throw noSession();
    const principal = await deps.callerOf(id, request.headers, request.socket.remoteAddress ?? '');
    const ticketed = query.has('ticket');
    request.url = `/${bucket}${object === undefined ? '' : `/${object}`}${ticketed ? saved(object ?? '', versionId) : rest && `?${rest}`}`;
    await deps.answerFor(request, response, principal);
  }

  return {
    take(request, response) {
      const place = PLACE.exec(request.url ?? '');
      if (!place) return false;
      harden(response);
      const { socket } = request;
      const cut = () => socket.destroy();
      socket.setTimeout(IDLE_MS, cut);
      // The connection may serve others after it.
      response.once('close', () => socket.setTimeout(0, cut));
      answer(request, response, place).catch(error => {
        if (!isFailure(error)) log.error({ err: error }, 'object request of the console failed');
        refuse(response, isFailure(error) ? error : internal());
      });
      return true;
    },
    ticket(sessionId, { bucket, key: objectKey, versionId = '' }) {
      const object = encodeURIComponent(objectKey);
      const expires = String(clock.now() + TICKET_MS);
      const mac = proof(sessionId, [bucket, object, versionId].join('/'), expires);
      const version = versionId && `versionId=${encodeURIComponent(versionId)}&`;
      return `/console/obs/${bucket}/=${object}?${version}ticket=${expires}.${mac}`;
    },
  };
}

/** The query of a download: an answer that browsers save, and never show. */
function saved(object: string, versionId: string): string {
  const name = object.split(/%2f/i).filter(Boolean).at(-1) ?? 'object';
  // Of RFC 5987; what encodeURIComponent leaves, and that does not allow.
  const safe = name.replace(/['()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = new URLSearchParams({
    ...(versionId ? { versionId } : {}),
    'response-content-disposition': `attachment; filename*=UTF-8''${safe}`,
    'response-content-type': 'application/octet-stream',
  });
  return `?${query}`;
}

/** Sets what is fixed last of all, when the head is written. */
function harden(response: ServerResponse): void {
  const { writeHead } = response;
  response.writeHead = ((...given: Parameters<typeof writeHead>) => {
    for (const [name, value] of Object.entries(FIXED)) response.setHeader(name, value);
    return writeHead.apply(response, given);
  }) as typeof writeHead;
}

function refuse(response: ServerResponse, failure: Failure): void {
  if (response.headersSent) return void response.destroy();
  const { status, code, message, solution } = failure;
  const requestId = hexId();
  const body = errorBody('modelarts', { status, code, message, requestId, ...(solution ? { solution } : {}) });
  response.setHeader('X-Request-Id', requestId);
  // Its body may still come: nobody reads it.
  response.setHeader('Connection', 'close');
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

function noSession(): Failure {
  return new Failure({
    code: 'ModelArts.0201',
    status: 401,
    message: 'The request comes with no session of the console.',
    solution: 'Sign in to the console. Programs use the address of OBS with an access key.',
  });
}

function internal(): Failure {
  return new Failure({
    code: 'ModelArts.0010',
    status: 500,
    message: 'The server met an error of its own. Try again; its log names the cause.',
  });
}
