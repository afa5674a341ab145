import type { Clock } from '../kernel/clock.ts';
import { uuid } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import { claimDue, type Database, freeLeases, nextDue, pokeRow, releaseLease, renewLease } from '../store-kit/index.ts';

/** When to look again: `ms` from now, or `settled` until somebody pokes. */
export type Next = { afterMs: number } | 'settled';

export interface PassContext {
  /** Aborted when the server stops, when the lease is lost, or when somebody interrupts this pass to have a fresh look. */
  signal: AbortSignal;
}

export interface ReconcilerSpec {
  name: string;
  /** Table with the lease columns. */
  table: string;
  /** Passes under way at once. */
  concurrency: number;
  /**
   * One pass: observe, plan, take one step, save. It may be long (it is interrupted by its signal) and must be repeatable,
   * because any process may die at any time.
   */
  pass(id: string, context: PassContext): Promise<Next>;
}

/** Owners of this process's leases begin with it. */
const PROCESS = `${uuid()}/`;
const LEASE_MS = 30_000;
const LONGEST_SLEEP_MS = 5_000;
const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 30_000;

interface Running {
  controller: AbortController;
  done: Promise<void>;
}

/** Drives the rows of one table from observed to desired. Woken by hints and by the clock. */
export class Reconciler {
  readonly name: string;
  readonly #spec: ReconcilerSpec;
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #running = new Map<string, Running>();
  readonly #failures = new Map<string, number>();
  #wake: (() => void) | undefined;
  #stopped = true;
  #loop: Promise<void> = Promise.resolve();

  constructor(deps: { db: Database; clock: Clock; log: Log }, spec: ReconcilerSpec) {
    this.name = spec.name;
    this.#spec = spec;
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Starts the loop; leases of a dead predecessor are freed first. */
  async start(): Promise<void> {
    await freeLeases(this.#db, this.#spec.table, PROCESS);
    this.#stopped = false;
    this.#loop = this.#run();
  }

  /** Interrupts all passes and resolves when they have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#loop;
    for (const { controller } of this.#running.values()) controller.abort(new Error('server stops'));
    await Promise.allSettled([...this.#running.values()].map(entry => entry.done));
  }

  /** Asks for a look at `id` soon. With `interrupt`, a pass under way is cut short so that the look happens at once. */
  async poke(id: string, options: { interrupt?: boolean } = {}): Promise<void> {
    await pokeRow(this.#db, this.#spec.table, id, this.#clock.now());
    if (options.interrupt) this.#running.get(id)?.controller.abort(new Error('interrupted by a change'));
    this.#wake?.();
  }

  /** Tells the loop that rows were made due in the database by somebody else. */
  hint(): void {
    this.#wake?.();
  }

  /** Number of passes under way. */
  get active(): number {
    return this.#running.size;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      let sleep = LONGEST_SLEEP_MS;
      const woken = this.#sleeper();
      try {
        const room = this.#spec.concurrency - this.#running.size;
        if (room > 0) {
          const now = this.#clock.now();
          const owner = PROCESS + uuid();
          const ids = await claimDue(this.#db, this.#spec.table, { owner, now, leaseMs: LEASE_MS }, room);
          for (const id of ids) this.#begin(id, owner);
          if (this.#running.size < this.#spec.concurrency) {
            const due = await nextDue(this.#db, this.#spec.table);
            if (due !== undefined) sleep = Math.min(sleep, Math.max(due - this.#clock.now(), 1));
          }
        }
      } catch (error) {
        this.#log.error({ err: error, reconciler: this.name }, 'reconciler could not read its work');
        sleep = 1_000;
      }
      await woken(sleep);
    }
  }

  /** A sleep that can be cut short from the moment it is made, so that no hint is lost between looking and sleeping. */
  #sleeper(): (ms: number) => Promise<void> {
    let ring!: () => void;
    const rung = new Promise<void>(resolve => {
      ring = resolve;
    });
    this.#wake = ring;
    return async ms => {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        rung,
        new Promise<void>(resolve => {
          timer = setTimeout(resolve, ms);
        }),
      ]);
      clearTimeout(timer);
    };
  }

  #begin(id: string, owner: string): void {
    const controller = new AbortController();
    // A row can be claimed while a pass of ours still works on it: this process slept longer than its lease (a suspended
    // machine), or that pass has just released it. Never two at once.
    const earlier = this.#running.get(id);
    earlier?.controller.abort(new Error('lease lost'));
    const running: Running = { controller, done: this.#pass(id, owner, controller, earlier?.done) };
    this.#running.set(id, running);
    running.done.finally(() => {
      if (this.#running.get(id) === running) this.#running.delete(id);
      this.#wake?.();
    });
  }

  async #pass(id: string, owner: string, controller: AbortController, earlier?: Promise<void>): Promise<void> {
    const heartbeat = setInterval(() => {
      const lease = { owner, now: this.#clock.now(), leaseMs: LEASE_MS };
      renewLease(this.#db, this.#spec.table, id, lease).then(
        held => {
          if (!held) controller.abort(new Error('lease lost'));
        },
        error => this.#log.warn({ err: error, reconciler: this.name, id }, 'lease could not be renewed'),
      );
    }, LEASE_MS / 3);
    let next: Next;
    try {
      await earlier;
      controller.signal.throwIfAborted();
      next = await this.#spec.pass(id, { signal: controller.signal });
      this.#failures.delete(id);
    } catch (error) {
      next = this.#afterError(id, error, controller.signal);
    } finally {
      clearInterval(heartbeat);
    }
    const nextAt = next === 'settled' ? null : this.#clock.now() + next.afterMs;
    try {
      await releaseLease(this.#db, this.#spec.table, id, owner, nextAt);
    } catch (error) {
      this.#log.error({ err: error, reconciler: this.name, id }, 'lease could not be released');
    }
  }

  #afterError(id: string, error: unknown, signal: AbortSignal): Next {
    if (signal.aborted) return { afterMs: 0 };
    const failures = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, failures);
    this.#log.error({ err: error, reconciler: this.name, id, failures }, 'pass failed, it will be repeated');
    return { afterMs: Math.min(RETRY_FIRST_MS * 2 ** (failures - 1), RETRY_LAST_MS) };
  }
}
