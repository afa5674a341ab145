import http from 'node:http';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { EngineRefused, EngineUnavailable } from '../driver.ts';
import { loadDockerode } from './load-dockerode.ts';

/** Prefix of Podman's own endpoints, which do a few things better than its Docker-compatible ones. */
export const LIBPOD = '/v4.0.0/libpod';

const QUICK_TIMEOUT_MS = 60_000;

/** One connection to an engine. Every call goes through `ask` or `request`, which give failures their meaning. */
export interface EngineClient {
  readonly socketPath: string;
  /** For calls that answer at once: gives up after a minute of silence. */
  readonly quick: Docker;
  /** For calls that may wait as long as they like. */
  readonly patient: Docker;
  /** Runs one call of dockerode; throws EngineUnavailable or EngineRefused. */
  ask<T>(operation: string, call: () => Promise<T>): Promise<T>;
  /** The same, with undefined when the engine answers one of `tolerated`. */
  askUnless<T>(operation: string, tolerated: number[], call: () => Promise<T>): Promise<T | undefined>;
  /** A request that dockerode has no method for. */
  request<T>(options: RawRequest): Promise<T>;
  /** Podman or Docker; asked once. */
  flavour(): Promise<EngineFlavour>;
}

export interface EngineFlavour {
  engine: 'podman' | 'docker';
  version: string;
  cpus: number;
  memoryBytes: number;
  rootless: boolean;
}

export interface RawRequest {
  operation: string;
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  query?: Record<string, string | string[]>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is (a tar). */
  input?: Readable;
  /** Status codes that are fine; 200, 201 and 204 when absent. */
  expect?: number[];
  /** Resolve with the response as a stream. */
  stream?: boolean;
  /** Give up after a minute of silence. */
  quick?: boolean;
  signal?: AbortSignal;
}

interface EngineAnswer {
  statusCode?: number;
  json?: { message?: unknown; cause?: unknown } | Buffer;
  reason?: string;
}

/** Opens nothing yet; connects to the engine's Docker API on a unix socket with each call. */
export function engineClient(socketPath: string): EngineClient {
  // No kept-alive connections: one that died with the engine would make the next request fail without reason.
  const agent = new http.Agent({ keepAlive: false });
  const options: Docker.DockerOptions & { agent: http.Agent } = { socketPath, agent };
  const Dockerode = loadDockerode();
  const quick = new Dockerode({ ...options, timeout: QUICK_TIMEOUT_MS });
  const patient = new Dockerode(options);
  const engineName = `at ${socketPath}`;
  let known: EngineFlavour | undefined;

  async function ask<T>(operation: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw translate(engineName, operation, error);
    }
  }

  function request<T>(options: RawRequest): Promise<T> {
    const docker = options.quick ? quick : patient;
    const statusCodes: Record<number, true> = {};
    for (const code of options.expect ?? [200, 201, 204]) statusCodes[code] = true;
    return ask(
      options.operation,
      () =>
        new Promise<T>((resolve, reject) => {
          docker.modem.dial(
            {
              path: `${options.path}?${queryString(options.query ?? {})}`,
              method: options.method,
              options: { _query: {}, _body: options.body ?? {} },
              ...(options.input === undefined ? {} : { file: options.input }),
              abortSignal: options.signal,
              isStream: options.stream ?? false,
              statusCodes,
            },
            (error: unknown, data: unknown) => (error ? reject(error) : resolve(data as T)),
          );
        }),
    );
  }

  return {
    socketPath,
    quick,
    patient,
    ask,
    async askUnless(operation, tolerated, call) {
      try {
        return await call();
      } catch (error) {
        const status = statusIn(error as EngineAnswer);
        if (status !== undefined && tolerated.includes(status)) return undefined;
        throw translate(engineName, operation, error);
      }
    },
    request,
    async flavour() {
      known ??= await ask('version', async () => {
        const [version, info] = await Promise.all([quick.version(), quick.info()]);
        const podman = JSON.stringify(version.Components ?? []).includes('Podman');
        const security: string[] = info.SecurityOptions ?? [];
        return {
          engine: podman ? ('podman' as const) : ('docker' as const),
          version: version.Version,
          cpus: info.NCPU,
          memoryBytes: info.MemTotal,
          rootless: info.Rootless === true || security.some(option => option.includes('rootless')),
        };
      });
      return known;
    },
  };
}

function queryString(query: Record<string, string | string[]>): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(key, one);
  }
  return parameters.toString();
}

/** An answer with a status is a refusal; anything else means that nothing is known. */
function translate(engine: string, operation: string, error: unknown): Error {
  if (error instanceof EngineRefused || error instanceof EngineUnavailable) return error;
  if (error instanceof Error && error.name === 'AbortError') return error;
  const { statusCode } = error as EngineAnswer;
  if (statusCode === undefined || statusCode === 502 || statusCode === 503) return new EngineUnavailable(engine, error);
  return new EngineRefused(operation, reasonOf(error), error);
}

/** The status code of the engine's answer behind an error of this module. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof EngineRefused)) return undefined;
  return error.cause === undefined ? undefined : statusIn(error.cause as EngineAnswer);
}

/** Podman says 500 of a container that is removed between its look-up and its use, and only in the cause that it is gone: that is a 404. */
function statusIn({ statusCode, json }: EngineAnswer): number | undefined {
  const cause = Buffer.isBuffer(json) ? undefined : json?.cause;
  // No other: "no such file or directory" is said of containers that are there.
  return statusCode === 500 && cause === 'no such container' ? 404 : statusCode;
}

function reasonOf(error: unknown): string {
  const { json } = error as EngineAnswer;
  if (Buffer.isBuffer(json)) return json.toString('utf8').slice(0, 2000);
  if (typeof json?.message === 'string' && json.message !== '') return json.message.slice(0, 2000);
  return String(error instanceof Error ? error.message : error)
    .trim()
    .slice(0, 2000);
}

/**
 * Reads a stream of JSON objects, one a line, as build, pull and push send them; an `error` in it becomes EngineRefused with
 * the last lines of output.
 */
export async function followProgress(
  operation: string,
  stream: Readable,
  onProgress?: (line: string) => void,
): Promise<void> {
  const tail: string[] = [];
  let rest = '';
  let failed: string | undefined;
  const handle = (text: string) => {
    if (text.trim() === '') return;
    let message: { stream?: string; status?: string; progress?: string; error?: string };
    try {
      message = JSON.parse(text) as typeof message;
    } catch {
      message = { stream: text };
    }
    if (message.error !== undefined) failed = message.error;
    const line = (message.stream ?? [message.status, message.progress].filter(Boolean).join(' ')).trimEnd();
    if (line === '') return;
    tail.push(line);
    if (tail.length > 20) tail.shift();
    onProgress?.(line);
  };
  stream.setEncoding('utf8');
  try {
    for await (const chunk of stream) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) handle(line);
    }
  } catch (error) {
    throw new EngineUnavailable('(connection lost)', error);
  }
  handle(rest);
  if (failed !== undefined) {
    throw new EngineRefused(operation, [failed.trim(), ...tail.slice(-10)].join('\n'));
  }
}
