import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Counter, Histogram, type Registry } from 'prom-client';
import { errorText, Failure } from '../kernel/failure.ts';
import { hexId } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Authorizer } from '../policy/authorizer.ts';
import { errorBody } from '../wire/error-body.ts';
import { type ErrorStyle, requiredAction } from '../wire/operation.ts';
import type { AnyOperation, Call, Route } from './api.ts';
import { Reply } from './api.ts';
import type { Audit } from './audit.ts';
import { type Authenticate, AuthenticationFailure, authenticationCode, type RawRequest } from './authentication.ts';

/** Resolves the project of a request: must be one of the caller's account. */
export type ProjectCheck = (principal: Principal, projectId: string) => Promise<boolean>;

export interface ApiServerOptions {
  authenticate: Authenticate;
  authorizer: Authorizer;
  /** True when `projectId` belongs to the caller's account and its credential reaches it. */
  ownsProject: ProjectCheck;
  audit: Audit;
  log: Log;
  metrics: Registry;
}

const DEFAULT_BODY_LIMIT = 1024 * 1024;
const READ_ONLY = new Set(['GET', 'HEAD']);

interface RequestState {
  requestId: string;
  startedAt: bigint;
  rawBody: Buffer;
  principal?: Principal;
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
    maxParamLength: 512,
    exposeHeadRoutes: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 512 },
    requestIdHeader: false,
    genReqId: () => hexId(),
    forceCloseConnections: true,
    http: { maxHeaderSize: 64 * 1024 },
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

  app.addHook('onRequest', async (request, reply) => {
    const state: RequestState = {
      requestId: request.id,
      startedAt: process.hrtime.bigint(),
      rawBody: Buffer.alloc(0),
    };
    states.set(request, state);
    reply.header('X-Request-Id', request.id);
    reply.header('X-Content-Type-Options', 'nosniff');
    // Official clients sign and send `{}` on GET (reference api/README 3.2); the framework does not read it.
    if (READ_ONLY.has(request.method) && Number(request.headers['content-length'] ?? 0) > 0) {
      state.rawBody = await readSmall(request);
    }
  });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    stateOf(request).rawBody = body as Buffer;
    const text = (body as Buffer).toString('utf8');
    if (text.trim() === '') {
      done(null, undefined);
      return;
    }
    try {
      done(null, JSON.parse(text));
    } catch (cause) {
      done(new Failure({ code: 'Atelier.BadJson', status: 400, message: 'The body is not valid JSON.', cause }));
    }
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

  app.setErrorHandler((error, request, reply) => {
    const op = (request.routeOptions.config as { operation?: AnyOperation }).operation;
    fail(request, reply, op?.errors ?? styleOfPath(request.url), error, op);
  });
  app.setNotFoundHandler((request, reply) => {
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
  });

  async function prepare(request: FastifyRequest, op: AnyOperation): Promise<void> {
    const state = stateOf(request);
    const params = request.params as Record<string, string>;
    const isPublic = typeof op.action === 'object' && 'public' in op.action;
    if (!isPublic) {
      const raw: RawRequest = {
        method: request.method,
        url: request.raw.url ?? '/',
        headers: request.headers,
        body: state.rawBody,
        remoteAddress: request.ip,
      };
      state.principal = await options.authenticate(raw);
      await checkProject(state.principal, params, op);
    }
  }

  async function checkProject(principal: Principal, params: Record<string, string>, op: AnyOperation): Promise<void> {
    const projectId = params.project_id;
    if (projectId === undefined) return;
    const scoped = principal.projectId;
    if ((scoped === undefined || scoped === projectId) && (await options.ownsProject(principal, projectId))) return;
    const { code, status } = op.projectMismatch ?? { code: 'ModelArts.0210', status: 403 };
    throw new Failure({
      code,
      status,
      message: `The credential does not reach project ${projectId.slice(0, 64)} of the URL.`,
      solution: 'Use the id of a project of your account; GET /v3/projects lists them.',
    });
  }

  async function authorize(principal: Principal, call: Call<AnyOperation>, op: AnyOperation): Promise<void> {
    const action = requiredAction(op.action, call as never);
    if (action === undefined) return;
    const decision = await options.authorizer.decide(principal, { action, context: requestContext(call) });
    if (decision.allowed) return;
    denied.inc({ operation: op.id });
    throw new Failure({
      code: op.errors === 'modelarts' ? 'ModelArts.0112' : 'IAM.0003',
      status: 403,
      message: `Policy doesn't allow ${action} to be performed. ${decision.reason}`,
      solution: 'Ask an administrator of the account to grant the action through a policy of one of your groups.',
    });
  }

  function mount(routes: readonly Route[]): void {
    for (const { operation: op, handler } of routes) {
      const validateQuery = op.query ? queryValidator.compile(op.query) : undefined;
      const validateBody = op.body ? bodyValidator.compile(op.body) : undefined;
      app.route({
        method: op.method,
        url: fastifyPath(op.path),
        bodyLimit: op.bodyLimit ?? DEFAULT_BODY_LIMIT,
        config: { operation: op } as never,
        handler: async (request, reply) => {
          const state = stateOf(request);
          let status = 500;
          let errorCode: string | undefined;
          try {
            await prepare(request, op);
            const call = {
              params: request.params,
              query: request.query ?? {},
              body: request.body,
              principal: state.principal,
              projectId: (request.params as Record<string, string>).project_id ?? state.principal?.projectId ?? '',
              headers: request.headers,
              requestId: request.id,
              remoteAddress: request.ip,
            } as Call<AnyOperation>;
            if (state.principal) await authorize(state.principal, call, op);
            check(op, validateQuery, call.query, 'query');
            if (!(op.bodyOptional && request.body === undefined)) check(op, validateBody, call.body, 'body');
            const result = await handler(call);
            const answer = result instanceof Reply ? result : new Reply(result);
            status = answer.status ?? op.status;
            for (const [name, value] of Object.entries(answer.headers)) reply.header(name, value);
            reply.status(status);
            await audited(request, op, status, undefined);
            if (answer.body === undefined) return reply.send();
            if (typeof answer.body === 'string' || Buffer.isBuffer(answer.body)) return reply.send(answer.body);
            reply.header('Content-Type', 'application/json; charset=utf-8');
            return reply.send(JSON.stringify(answer.body));
          } catch (error) {
            const wire = publicError(error, op.errors, op);
            status = wire.status;
            errorCode = wire.code;
            await audited(request, op, status, errorCode);
            throw error;
          } finally {
            const seconds = Number(process.hrtime.bigint() - state.startedAt) / 1e9;
            duration.observe({ operation: op.id, status: String(status) }, seconds);
          }
        },
      });
    }
  }

  async function audited(request: FastifyRequest, op: AnyOperation, status: number, errorCode?: string): Promise<void> {
    if (READ_ONLY.has(op.method) || op.readOnly) return;
    const state = stateOf(request);
    const principal = state.principal;
    try {
      await options.audit({
        time: Date.now(),
        requestId: request.id,
        operation: op.id,
        method: op.method,
        path: (request.raw.url ?? '').split('?')[0]!.slice(0, 1024),
        status,
        ...(errorCode ? { errorCode } : {}),
        ...(principal
          ? {
              principalId: principal.id,
              principalName: principal.name,
              principalKind: principal.kind,
              accountId: principal.accountId,
            }
          : {}),
        ...((request.params as Record<string, string>).project_id
          ? { projectId: (request.params as Record<string, string>).project_id! }
          : {}),
        sourceAddress: request.ip,
        durationMs: Math.round(Number(process.hrtime.bigint() - state.startedAt) / 1e6),
      });
    } catch (error) {
      log.error({ err: error, requestId: request.id, operation: op.id }, 'audit record could not be written');
    }
  }

  return { app, mount };
}

/** `/v2/{project_id}/x` in the router's spelling. */
function fastifyPath(path: string): string {
  return path.replaceAll(':', '::').replace(/\{(\w+)\}/g, ':$1');
}

/** Condition keys every action can use: the request's own pool, when it names one, decides `modelarts:poolType`. */
function requestContext(call: Call<AnyOperation>): Record<string, unknown> {
  return {
    'g:SourceIp': call.remoteAddress,
    'g:CurrentTime': new Date().toISOString(),
    'g:UserName': call.principal.name,
    'g:UserId': call.principal.id,
    'g:DomainName': call.principal.accountName,
    ...(call.principal.projectName ? { 'g:ProjectName': call.principal.projectName } : {}),
  };
}

function check(op: AnyOperation, validate: ValidateFunction | undefined, value: unknown, part: 'query' | 'body'): void {
  if (!validate || validate(value)) return;
  const error = validate.errors![0]!;
  const { code, status } = op.invalid ?? {
    code: op.errors === 'modelarts' ? 'ModelArts.0104' : 'IAM.0011',
    status: 400,
  };
  throw new Failure({ code, status, message: explainInvalid(error, part, value) });
}

/** A validator's finding as a sentence that names the field and the rule (behaviour/errors.md 1, rule 4). */
function explainInvalid(error: ErrorObject, part: 'query' | 'body', value: unknown): string {
  const at = error.instancePath
    .split('/')
    .slice(1)
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const field = at.reduce(
    (text, step) => (/^\d+$/.test(step) ? `${text}[${step}]` : text ? `${text}.${step}` : step),
    '',
  );
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'required') {
    const name = [field, params.missingProperty].filter(Boolean).join('.');
    return `Field [${name}] is required in the ${part}.`;
  }
  if (field === '') {
    return value === undefined
      ? `The request needs a JSON ${part}.`
      : `The ${part} ${error.message ?? 'is not valid'}.`;
  }
  if (error.keyword === 'enum') return `Parameter [${field}] should be one of ${JSON.stringify(params.allowedValues)}.`;
  if (error.keyword === 'anyOf' || error.keyword === 'const') {
    return `Parameter [${field}] has a value or type that is not allowed here${literals(error)}.`;
  }
  return `Parameter [${field}] ${error.message ?? 'is not valid'}.`;
}

function literals(error: ErrorObject): string {
  const allowed = (error.params as { allowedValue?: unknown }).allowedValue;
  return allowed === undefined ? '' : `; allowed: ${JSON.stringify(allowed)}`;
}

interface PublicError {
  status: number;
  code: string;
  message: string;
  solution?: string | undefined;
  details?: Record<string, unknown> | undefined;
}

/** What the caller may know of an error. Anything that is not a Failure is a bug or a broken machine: no details leave. */
function publicError(error: unknown, style: ErrorStyle, op?: AnyOperation): PublicError {
  if (error instanceof AuthenticationFailure) {
    return {
      status: error.status,
      code: authenticationCode(style, error.problem),
      message: `Incorrect IAM authentication information: ${error.message}`,
      solution: error.solution,
    };
  }
  if (error instanceof Failure) {
    const code = error.code === 'Atelier.BadJson' ? badJson(style, op) : error.code;
    return { status: error.status, code, message: error.message, solution: error.solution, details: error.details };
  }
  const known = error as { code?: string; statusCode?: number };
  if (known.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return {
      status: 413,
      code: style === 'modelarts' ? 'ModelArts.4104' : 'IAM.0011',
      message: `The body is larger than the limit of ${op?.bodyLimit ?? DEFAULT_BODY_LIMIT} bytes.`,
    };
  }
  if (known.statusCode !== undefined && known.statusCode >= 400 && known.statusCode < 500) {
    return { status: known.statusCode, code: badJson(style, op), message: errorText(error) };
  }
  return {
    status: 500,
    code: style === 'modelarts' ? 'ModelArts.0010' : 'IAM.0006',
    message: 'Internal error. Try again; if it stays, give the request id to the operator.',
  };
}

function badJson(style: ErrorStyle, op?: AnyOperation): string {
  if (style !== 'modelarts') return 'IAM.0011';
  return op?.invalid?.code === 'ModelArts.2788' ? 'ModelArts.2787' : 'ModelArts.0104';
}

function styleOfPath(url: string): ErrorStyle {
  if (/^\/v3\//.test(url)) return 'keystone';
  return /^\/v3\.0\//.test(url) ? 'iam' : 'modelarts';
}

async function readSmall(request: FastifyRequest): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request.raw) {
    size += (part as Buffer).length;
    if (size > DEFAULT_BODY_LIMIT) {
      throw new Failure({ code: 'ModelArts.4104', status: 413, message: 'A body on this method must be small.' });
    }
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}
