import {
  type IncomingMessage,
  type ServerResponse,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';
import { Readable } from 'node:stream';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Counter, Histogram, type Registry } from 'prom-client';
import { Failure, isFailure } from '../kernel/failure.ts';
import { hexId } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Authorizer } from '../policy/authorizer.ts';
import { readJsonText } from '../policy/json-text.ts';
import { errorBody } from '../wire/error-body.ts';
import type { ErrorStyle } from '../wire/operation.ts';
import type { AnyOperation, Call, Route } from './api.ts';
import { Reply } from './api.ts';
import type { Audit, AuditNote } from './audit.ts';
import { isReadOnly, madeBy, recordOf } from './audit-record.ts';
import { type Authenticate, AuthenticationFailure, type RawRequest } from './authentication.ts';
import {
  type Authorization,
  authorize,
  checkOperator,
  checkPasswordChanged,
  DEFAULT_WORKSPACE,
  type FindWorkspace,
  type Locate,
} from './authorization.ts';
import { badJsonFailure, bodyTooLarge, check, DEFAULT_BODY_LIMIT, publicError, styleOfPath } from './errors.ts';
import type { Site } from './site.ts';

/** Resolves the project of a request: must be one of the caller's account. */
export type ProjectCheck = (principal: Principal, projectId: string) => Promise<boolean>;

export interface ApiServerOptions {
  authenticate: Authenticate;
  authorizer: Authorizer;
  /** True when `projectId` belongs to the caller's account and its credential reaches it. */
  ownsProject: ProjectCheck;
  locate: Locate;
  workspace: FindWorkspace;
  audit: Audit;
  log: Log;
  metrics: Registry;
  /** Files for browsers, at addresses that no operation claims. */
  site?: Site | undefined;
  /** Takes requests that are no operations, whose bodies nobody has read: true when it answers. */
  beside?: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
}

/** Of bodies in which every member must be given once. */
const MAX_DEPTH = 64;

interface RequestState {
  requestId: string;
  startedAt: bigint;
  rawBody: Buffer;
  /** The body could not be parsed; told after the caller is known. */
  badJson?: Failure;
  principal?: Principal;
  authorization?: Authorization;
  /** Refused before any policy was asked. */
  turnedAway?: boolean;
  note: AuditNote;
  /** `kind/id` of what the call has made. */
  made?: string;
  audited?: boolean;
}

/**
 * The HTTP server of the management API. `mount` is the only way to add an operation: it authenticates, checks the project,
 * asks the policy, validates, calls the handler, audits and words errors in the family's style, in that order.
 */
export function createApiServer(options: ApiServerOptions): {
  app: FastifyInstance;
  mount(routes: readonly Route[]): void;
} {
  const { log, metrics } = options;
  const app = Fastify({
    loggerInstance: undefined,
    logger: false,
    bodyLimit: DEFAULT_BODY_LIMIT,
    exposeHeadRoutes: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 512 },
    requestIdHeader: false,
    genReqId: () => hexId(),
    forceCloseConnections: true,
    http: { maxHeaderSize: 64 * 1024 },
    frameworkErrors: (error, request, reply) => {
      reply.header('X-Request-Id', request.id);
      fail(request as FastifyRequest, reply as FastifyReply, styleOfPath(request.raw.url ?? ''), error);
    },
    clientErrorHandler: (error, socket) => {
      if (socket.writable) socket.end(notHttp((error as NodeJS.ErrnoException).code));
    },
  });
  const bodyValidator = new Ajv({ allErrors: false, useDefaults: true, strict: false, coerceTypes: false });
  const queryValidator = new Ajv({ allErrors: false, useDefaults: true, strict: false, coerceTypes: 'array' });
  addFormats.default(bodyValidator);
  addFormats.default(queryValidator);

  const duration = new Histogram({
    name: 'atelier_http_request_duration_seconds',
    help: 'Time to answer an API request',
    labelNames: ['operation', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers: [metrics],
  });
  const denied = new Counter({
    name: 'atelier_authorization_denied_total',
    help: 'Requests that a policy refused',
    labelNames: ['operation'],
    registers: [metrics],
  });

  const states = new WeakMap<FastifyRequest, RequestState>();
  const stateOf = (request: FastifyRequest): RequestState => states.get(request)!;

  app.addHook('onRequest', (request, reply, done) => {
    if (options.beside?.(request.raw, reply.raw)) reply.hijack();
    else done();
  });
  app.addHook('onRequest', async (request, reply) => {
    const state: RequestState = {
      requestId: request.id,
      startedAt: process.hrtime.bigint(),
      rawBody: Buffer.alloc(0),
      note: {},
    };
    states.set(request, state);
    reply.header('X-Request-Id', request.id);
    reply.header('X-Content-Type-Options', 'nosniff');
    // Official clients sign and send `{}` on GET (reference api/README 3.2); the framework does not read it.
    const { 'content-length': length, 'transfer-encoding': chunked } = request.headers;
    if ((request.method === 'GET' || request.method === 'HEAD') && (Number(length ?? 0) > 0 || chunked !== undefined)) {
      state.rawBody = await readSmall(request);
    }
  });

  // Members named __proto__ and constructor.prototype are dropped.
  const parseJson = app.getDefaultJsonParser('remove', 'remove');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    const state = stateOf(request);
    state.rawBody = body as Buffer;
    const text = (body as Buffer).toString('utf8');
    if (text.trim() === '') {
      done(null, undefined);
      return;
    }
    if ((request.routeOptions.config as { operation?: AnyOperation }).operation?.form) {
      done(null, Object.fromEntries(new URLSearchParams(text)));
      return;
    }
    parseJson(request, text, (error, value) => {
      if (error) state.badJson = badJsonFailure(parserError(text));
      done(null, error ? undefined : value);
    });
  });

  function fail(
    request: FastifyRequest,
    reply: FastifyReply,
    style: ErrorStyle,
    error: unknown,
    op?: AnyOperation,
  ): void {
    const wire = publicError(error, style, op);
    if (wire.status >= 500 && !(error instanceof Failure && error.cause === undefined)) {
      log.error({ err: error, requestId: request.id, operation: op?.id }, 'request failed');
    }
    reply
      .status(wire.status)
      .header('Content-Type', 'application/json; charset=utf-8')
      .send(errorBody(style, { ...wire, requestId: request.id }));
  }

  app.setErrorHandler(async (error, request, reply) => {
    const op = (request.routeOptions.config as { operation?: AnyOperation }).operation;
    const style = op?.errors ?? styleOfPath(request.url);
    // Refused by the framework, before the handler: a body over the limit, for example.
    if (op) await audited(request, op, publicError(error, style, op));
    fail(request, reply, style, error, op);
    return reply;
  });
  app.setNotFoundHandler(async (request, reply) => {
    const file = await options.site?.answer(request.method, request.raw.url ?? '/', request.headers);
    if (file) return reply.status(file.status).headers(file.headers).send(file.body);
    fail(
      request,
      reply,
      styleOfPath(request.url),
      new Failure({
        code: 'APIGW.0101',
        status: 404,
        message: `The API ${request.method} ${request.url.split('?')[0]} does not exist.`,
        solution: 'GET /openapi.json lists every operation.',
      }),
    );
    return reply;
  });

  async function prepare(request: FastifyRequest, op: AnyOperation): Promise<void> {
    const state = stateOf(request);
    const params = request.params as Record<string, string>;
    const isPublic = typeof op.action === 'object' && 'public' in op.action;
    if (!isPublic) {
      const principal = { ...(await options.authenticate(rawRequest(request))), sourceIp: request.ip };
      // Known from here on, also to the record of a refusal.
      state.principal = principal;
      try {
        checkOperator(op.action, principal);
        checkPasswordChanged(op, principal);
        state.principal = await checkProject(principal, params, op);
      } catch (error) {
        state.turnedAway = true;
        throw error;
      }
    }
  }

  /** The principal as it acts on this request: within the project of the URL, which its credential must reach. */
  async function checkProject(
    principal: Principal,
    params: Record<string, string>,
    op: AnyOperation,
  ): Promise<Principal> {
    const projectId = params.project_id;
    if (projectId === undefined) return principal;
    const scoped = principal.projectId;
    if ((scoped === undefined || scoped === projectId) && (await options.ownsProject(principal, projectId))) {
      return scoped === undefined ? { ...principal, projectId } : principal;
    }
    const { code, status } = op.projectMismatch ?? { code: 'ModelArts.0210', status: 403 };
    throw new Failure({
      code,
      status,
      message: `The credential does not reach project ${projectId.slice(0, 64)} of the URL.`,
      solution: 'Use the id of a project of your account; GET /v3/projects lists them.',
    });
  }

  /** Notes on the request what was decided, also about a refusal, which the audit trail wants to know. */
  async function decide(request: FastifyRequest, call: Call<AnyOperation>, op: AnyOperation): Promise<void> {
    const state = stateOf(request);
    if (!state.principal) return;
    const parts = { params: call.params, query: call.query as Record<string, unknown>, body: call.body };
    try {
      await authorize(options, op, state.principal, { ...parts, projectId: call.projectId }, authorization => {
        state.authorization = authorization;
      });
    } catch (error) {
      if (state.authorization?.verdict === 'deny') denied.inc({ operation: op.id });
      throw error;
    }
    call.workspaceId = state.authorization!.workspaceId;
  }

  /** Asks once more whether the caller of a request may do it, long after the answer. */
  async function refusal(
    request: FastifyRequest,
    call: Call<AnyOperation>,
    op: AnyOperation,
  ): Promise<string | undefined> {
    const { principal } = stateOf(request);
    const { params, query, body, projectId } = call;
    const parts = { params, query: query as Record<string, unknown>, body, projectId };
    try {
      await options.authenticate({ ...rawRequest(request), again: true }).catch(error => {
        // What was signed then is too old now; that says nothing of the key.
        if (!(error instanceof AuthenticationFailure && error.problem === 'skewed')) throw error;
      });
      if (principal) await authorize(options, op, principal, parts, () => {});
      return undefined;
    } catch (error) {
      if (isFailure(error)) return error.message;
      throw error;
    }
  }

  function rawRequest(request: FastifyRequest): RawRequest {
    return {
      method: request.method,
      url: request.raw.url ?? '/',
      headers: request.headers,
      body: stateOf(request).rawBody,
      remoteAddress: request.ip,
    };
  }

  function mount(routes: readonly Route[]): void {
    for (const { operation: op, handler } of routes) {
      // Made when first needed: together they would take a third of the start.
      const validateQuery = once(() => (op.query ? queryValidator.compile(op.query) : undefined));
      const validateBody = once(() => (op.body ? bodyValidator.compile(op.body) : undefined));
      app.route({
        method: op.method,
        url: fastifyPath(op.path),
        bodyLimit: op.bodyLimit ?? DEFAULT_BODY_LIMIT,
        config: { operation: op } as never,
        handler: async (request, reply) => {
          const state = stateOf(request);
          let status = 500;
          try {
            await prepare(request, op);
            const call = {
              params: request.params,
              query: request.query ?? {},
              body: request.body,
              principal: state.principal,
              projectId: (request.params as Record<string, string>).project_id ?? state.principal?.projectId ?? '',
              workspaceId: DEFAULT_WORKSPACE,
              headers: request.headers,
              requestId: request.id,
              remoteAddress: request.ip,
              note: (note: AuditNote) => {
                state.note = { ...state.note, ...note };
              },
              refusal: () => refusal(request, call, op),
              afterwards: (operation: string, durationMs: number) =>
                record(request, op, { status: op.status }, { operation, durationMs }),
            } as Call<AnyOperation>;
            // Where the body decides which action is needed, it must be sound first.
            const bodyDecides = typeof op.action === 'object' && 'choose' in op.action;
            const validate = () => {
              if (state.badJson) throw state.badJson;
              if (op.membersOnce) readJsonText(stateOf(request).rawBody.toString('utf8'), MAX_DEPTH);
              check(op, validateQuery(), call.query, 'query');
              if (!(op.bodyOptional && request.body === undefined)) check(op, validateBody(), call.body, 'body');
            };
            if (bodyDecides) validate();
            await decide(request, call, op);
            if (!bodyDecides) validate();
            const result = await handler(call);
            const answer = result instanceof Reply ? result : new Reply(result);
            const { body } = answer;
            const raw =
              body === undefined || typeof body === 'string' || Buffer.isBuffer(body) || body instanceof Readable;
            const content = raw ? body : JSON.stringify(body);
            for (const [name, value] of Object.entries(answer.headers)) {
              validateHeaderName(name);
              validateHeaderValue(name, value);
            }
            status = answer.status ?? op.status;
            state.made = madeBy(op, body);
            await audited(request, op, { status });
            reply.status(status);
            for (const [name, value] of Object.entries(answer.headers)) reply.header(name, value);
            if (!raw) reply.header('Content-Type', 'application/json; charset=utf-8');
            return reply.send(content);
          } catch (error) {
            const wire = publicError(error, op.errors, op);
            status = wire.status;
            await audited(request, op, wire);
            throw error;
          } finally {
            const seconds = Number(process.hrtime.bigint() - state.startedAt) / 1e9;
            duration.observe({ operation: op.id, status: String(status) }, seconds);
          }
        },
      });
    }
  }

  async function audited(
    request: FastifyRequest,
    op: AnyOperation,
    outcome: { status: number; code?: string },
  ): Promise<void> {
    const state = stateOf(request);
    const { principal, authorization } = state;
    const readOnly = isReadOnly(op);
    const refused = authorization?.verdict === 'deny' || state.turnedAway || (principal && outcome.status === 403);
    // What only looks is told when it was refused.
    if (state.audited || (readOnly && !refused)) return;
    state.audited = true;
    await record(request, op, outcome);
  }

  /** Writes an audit record of a request; `later` is what became of it after the answer. */
  async function record(
    request: FastifyRequest,
    op: AnyOperation,
    outcome: { status: number; code?: string },
    later?: { operation: string; durationMs: number },
  ): Promise<void> {
    try {
      await options.audit(
        recordOf(op, {
          url: request.raw.url ?? '',
          params: request.params as Record<string, string>,
          sourceAddress: request.ip,
          durationMs: Math.round(Number(process.hrtime.bigint() - stateOf(request).startedAt) / 1e6),
          ...stateOf(request),
          ...outcome,
          ...later,
        }),
      );
    } catch (error) {
      log.error({ err: error, requestId: request.id, operation: op.id }, 'audit record could not be written');
    }
  }

  return { app, mount };
}

/** Makes a value at its first use and keeps it. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** `/v2/{project_id}/x` in the router's spelling. */
function fastifyPath(path: string): string {
  return path.replaceAll(':', '::').replace(/\{(\w+)\}/g, ':$1');
}

async function readSmall(request: FastifyRequest): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request.raw) {
    size += (part as Buffer).length;
    if (size > DEFAULT_BODY_LIMIT) throw bodyTooLarge();
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

function parserError(text: string): unknown {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The answer to bytes that are not an HTTP request. */
function notHttp(code: string | undefined): string {
  const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const requestId = hexId();
  const message = status === 431 ? 'The headers are larger than 64 KiB.' : 'This is not a complete HTTP request.';
  const body = JSON.stringify(errorBody('modelarts', { status, code: 'APIGW.0106', message, requestId }));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
