import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, isFailure } from '../kernel/failure.ts';
import type { Session } from './session.ts';

/** The parts of a training job that the command line shows. */
export interface TrainingJob {
  metadata: { id: string; name: string; create_time: number };
  status: {
    phase: string;
    secondary_phase?: string;
    duration?: number;
    tasks?: string[];
    task_statuses?: { task: string; exit_code?: number; message?: string }[];
    queue?: { position: number; reason: string; estimated_start?: number };
    message?: string;
  };
  algorithm?: Record<string, unknown>;
  spec?: Record<string, unknown>;
}

export interface Model {
  model_id: string;
  model_name: string;
  model_version: string;
  model_status: string;
  model_type: string;
  create_at?: number;
}

export interface Service {
  service_id: string;
  service_name: string;
  status: string;
  progress?: number;
  error_msg?: string;
  access_address?: string;
  invocation_times?: number;
  failed_times?: number;
  config?: { model_id: string; weight: number; specification: string; instance_count: number }[];
}

export interface PlatformEvent {
  time: string;
  level: string;
  text: string;
}

/** How long a server that does not answer is waited for. */
const RECONNECT_MS = 60_000;
const FINAL_PHASES = new Set(['Completed', 'Failed', 'Terminated', 'Abnormal']);

/** Whether a job's phase will not change any more. */
export function isFinal(phase: string): boolean {
  return FINAL_PHASES.has(phase);
}

/** ModelArts as scripts use it: plain calls with the documents' shapes, and waiting for what takes time. */
export class PlatformClient {
  readonly #session: Session;
  readonly #project: string;

  constructor(session: Session) {
    this.#session = session;
    this.#project = session.profile.projectId;
  }

  async #json<T>(method: string, path: string, body?: unknown, query?: Record<string, unknown>): Promise<T> {
    const answer = await this.#session.request(method, path, { body, query });
    return (answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString('utf8'))) as T;
  }

  // --- authorization -------------------------------------------------------------------------------------------------

  async authorizations(): Promise<{ user_id: string; type: string; content: string }[]> {
    return (
      await this.#json<{ auth: { user_id: string; type: string; content: string }[] }>(
        'GET',
        `/v2/${this.#project}/authorizations`,
      )
    ).auth;
  }

  async createAgency(suffix: string): Promise<string> {
    return (
      await this.#json<{ agency_name: string }>('POST', `/v2/${this.#project}/agency`, { agency_name_suffix: suffix })
    ).agency_name;
  }

  authorizeAll(agency: string): Promise<unknown> {
    return this.#json('POST', `/v2/${this.#project}/authorizations`, {
      user_id: 'all',
      type: 'agency',
      content: agency,
    });
  }

  // --- training ------------------------------------------------------------------------------------------------------

  createJob(body: unknown): Promise<TrainingJob> {
    return this.#json('POST', `/v2/${this.#project}/training-jobs`, body);
  }

  job(id: string): Promise<TrainingJob> {
    return this.#json('GET', `/v2/${this.#project}/training-jobs/${id}`);
  }

  async jobs(options: { limit?: number; name?: string; phase?: string } = {}): Promise<TrainingJob[]> {
    const filters: unknown[] = [];
    if (options.name) filters.push({ key: 'name', operator: 'like', value: [options.name] });
    if (options.phase) filters.push({ key: 'phase', operator: 'in', value: [options.phase] });
    const answer = await this.#json<{ items: TrainingJob[] }>('POST', `/v2/${this.#project}/training-job-searches`, {
      offset: 0,
      limit: options.limit ?? 50,
      sort_by: 'create_time',
      order: 'desc',
      filters,
    });
    return answer.items;
  }

  /** The job of that id or, if there is none, of that exact name. */
  async findJob(idOrName: string): Promise<TrainingJob> {
    if (/^[0-9a-f-]{36}$/.test(idOrName)) return this.job(idOrName);
    const found = (await this.jobs({ name: idOrName })).find(job => job.metadata.name === idOrName);
    if (found) return found;
    throw new Failure({ code: 'ModelArts.2775', status: 404, message: `There is no training job ${idOrName}.` });
  }

  terminateJob(id: string): Promise<TrainingJob> {
    return this.#json('POST', `/v2/${this.#project}/training-jobs/${id}/actions`, { action_type: 'terminate' });
  }

  prioritizeJob(id: string, priority: number): Promise<unknown> {
    const body = { spec: { schedule_policy: { priority } } };
    return this.#json('PUT', `/v2/${this.#project}/training-jobs/${id}`, body);
  }

  deleteJob(id: string): Promise<unknown> {
    return this.#json('DELETE', `/v2/${this.#project}/training-jobs/${id}`);
  }

  /** New bytes of a task's log from `offset` on; waits up to `waitSeconds` (10 at most) for some to come. */
  async logFrom(
    id: string,
    task: string,
    offset: number,
    waitSeconds = 0,
  ): Promise<{ content: string; next_offset: number; finished: boolean }> {
    const query = { offset, wait: waitSeconds };
    return this.#json('GET', `/v2/${this.#project}/training-jobs/${id}/logs/${task}`, undefined, query);
  }

  /**
   * Hands the log to `write` as it grows until the job has ended; resolves with the job's last state. A server that goes away and comes
   * back within a minute is waited for.
   */
  async followLog(
    id: string,
    write: (text: string) => void,
    onState?: (job: TrainingJob) => void,
    task = 'worker-0',
  ): Promise<TrainingJob> {
    const path = `/v2/${this.#project}/training-jobs/${id}/logs/${task}`;
    const decoder = new StringDecoder('utf8');
    let offset = 0;
    let lostSince = 0;
    const ended = new AbortController();
    const state = async () => {
      const job = await this.job(id);
      onState?.(job);
      return job;
    };
    const watching = this.#watch(state, ended.signal);
    try {
      for (;;) {
        const began = Date.now();
        try {
          for await (const chunk of this.#session.stream(path, { offset, follow: true })) {
            offset += chunk.length;
            write(decoder.write(chunk));
          }
          const job = await state();
          if (isFinal(job.status.phase)) return job;
        } catch (error) {
          if (!isFailure(error, 'Atelier.Unreachable')) throw error;
          // One that lasted was a connection, which silence may end; only what cannot be made again for long is lost.
          if (lostSince === 0 || Date.now() - began > 2_000) lostSince = Date.now();
          if (Date.now() - lostSince > RECONNECT_MS) throw error;
        }
        await sleep(500);
      }
    } finally {
      ended.abort();
      await watching;
    }
  }

  /** Asks for a job's state every now and then: why it waits changes more often than that it runs. */
  async #watch(state: () => Promise<TrainingJob>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Whoever follows the log hears of what is wrong.
      const job = await state().catch(() => undefined);
      await sleep(job?.status.phase === 'Running' ? 5_000 : 1_000, undefined, { signal }).catch(() => {});
    }
  }

  async jobEvents(id: string): Promise<PlatformEvent[]> {
    const answer = await this.#json<{ events: { time: string; level: string; message: string }[] }>(
      'GET',
      `/v2/${this.#project}/training-jobs/${id}/events`,
      undefined,
      { limit: 100, order: 'asc' },
    );
    return answer.events.map(event => ({ time: event.time, level: event.level, text: event.message }));
  }

  // --- models --------------------------------------------------------------------------------------------------------

  createModel(body: unknown): Promise<{ model_id: string }> {
    return this.#json('POST', `/v1/${this.#project}/models`, body);
  }

  model(id: string): Promise<Model> {
    return this.#json('GET', `/v1/${this.#project}/models/${id}`);
  }

  async models(name?: string): Promise<Model[]> {
    return (
      await this.#json<{ models: Model[] }>('GET', `/v1/${this.#project}/models`, undefined, { model_name: name })
    ).models;
  }

  deleteModel(id: string): Promise<unknown> {
    return this.#json('DELETE', `/v1/${this.#project}/models/${id}`);
  }

  async modelEvents(id: string): Promise<PlatformEvent[]> {
    return this.#events(`/v1/${this.#project}/models/${id}/events`);
  }

  // --- services ------------------------------------------------------------------------------------------------------

  createService(body: unknown): Promise<{ service_id: string }> {
    return this.#json('POST', `/v1/${this.#project}/services`, body);
  }

  service(id: string): Promise<Service> {
    return this.#json('GET', `/v1/${this.#project}/services/${id}`);
  }

  async services(name?: string): Promise<Service[]> {
    return (
      await this.#json<{ services: Service[] }>('GET', `/v1/${this.#project}/services`, undefined, {
        service_name: name,
      })
    ).services;
  }

  /** The service of that id or, if there is none, of that exact name. */
  async findService(idOrName: string): Promise<Service> {
    if (/^[0-9a-f-]{36}$/.test(idOrName)) return this.service(idOrName);
    const found = (await this.services(idOrName)).find(service => service.service_name === idOrName);
    if (found) return this.service(found.service_id);
    throw new Failure({ code: 'ModelArts.3502', status: 404, message: `There is no service ${idOrName}.` });
  }

  updateService(id: string, body: unknown): Promise<unknown> {
    return this.#json('PUT', `/v1/${this.#project}/services/${id}`, body);
  }

  deleteService(id: string): Promise<unknown> {
    return this.#json('DELETE', `/v1/${this.#project}/services/${id}`);
  }

  async serviceEvents(id: string): Promise<PlatformEvent[]> {
    return this.#events(`/v1/${this.#project}/services/${id}/events`);
  }

  /** What the instances of a service printed last: a header per instance, then its lines. */
  async serviceLogs(id: string, tailLines: number): Promise<string> {
    const answer = await this.#json<{ instances: { instance_id: string; lines: { text: string }[] }[] }>(
      'GET',
      `/v1/${this.#project}/services/${id}/runtime-logs`,
      undefined,
      { tail_lines: tailLines },
    );
    return answer.instances
      .map(instance => `── instance ${instance.instance_id}\n${instance.lines.map(line => `${line.text}\n`).join('')}`)
      .join('');
  }

  async #events(path: string): Promise<PlatformEvent[]> {
    const answer = await this.#json<{ events: { event_type: string; event_info: string; occur_time: number }[] }>(
      'GET',
      path,
    );
    return answer.events.map(event => ({
      time: new Date(event.occur_time).toISOString(),
      level: event.event_type,
      text: event.event_info,
    }));
  }

  /** Asks `read` until `done` says so. Throws Failure when it takes longer than `timeoutMs`. */
  async until<T>(read: () => Promise<T>, done: (value: T) => boolean, timeoutMs: number, what: string): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const value = await read();
      if (done(value)) return value;
      if (Date.now() > deadline) {
        throw new Failure({
          code: 'Atelier.Timeout',
          status: 504,
          message: `${what} took longer than ${Math.round(timeoutMs / 1000)} s.`,
        });
      }
      await new Promise(resolve => setTimeout(resolve, 200));
    }
  }
}
