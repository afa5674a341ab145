import type { ContainerSpec } from '../driver.ts';
import {
  EngineRefused,
  EngineUnavailable,
  type ImageInfo,
  type LogLine,
  type NetworkInfo,
  type Observation,
} from '../driver.ts';

/** What a scripted container does, by the milliseconds since its start. */
export interface Program {
  /** Runs this long; for ever when absent. */
  runMs?: number;
  /** Exit code at the end of `runMs`; 0 when absent. */
  exitCode?: number;
  /** Lines of output. */
  output?: { afterMs?: number; stream?: 'stdout' | 'stderr'; text: string }[];
  /** The kernel kills a process of it for want of memory (with exit code 137 unless `exitCode` says another). */
  oom?: boolean;
  ignoresTerm?: boolean;
  /** The engine refuses to start it, with this reason. */
  refuseStart?: string;
  memoryBytes?: number;
  cpus?: number;
  /** Processes killed for want of memory while it runs on. */
  oomKills?: number;
  /** What it has written to its own file system, and that nothing holds it to its limit. */
  layerBytes?: number;
  layerIsFree?: boolean;
}

export interface FakeEngineOptions {
  images?: string[];
  /** Chooses what a container does; one that runs for ever when it returns undefined. */
  program?: (spec: ContainerSpec) => Program | undefined;
  gpus?: number;
  cpus?: number;
  memoryBytes?: number;
}

/** One container of the fake engine. */
export interface FakeContainer {
  spec: ContainerSpec;
  program: Program;
  state: Observation['state'];
  startedAt?: number;
  finishedAt?: number;
  exitCode?: number;
  oomKilled?: boolean;
  lines: LogLine[];
  address: string;
  timers: NodeJS.Timeout[];
  /** End the further commands that run in it. */
  commands: (() => void)[];
}

/** Containers in memory. Share one engine among several fake drivers to play a server that starts anew. */
export class FakeEngine {
  readonly containers = new Map<string, FakeContainer>();
  readonly images = new Map<string, ImageInfo>();
  readonly networks = new Map<string, NetworkInfo>();
  /** The ports of the host that were opened to a network. */
  readonly hostPorts = new Map<string, readonly number[]>();
  /** What the machine's own routes take. */
  readonly usedSubnets: string[] = [];
  readonly options: FakeEngineOptions;
  /** Every change that was asked for, in order: `create x`, `start x` … */
  readonly calls: string[] = [];
  #down = false;
  readonly #listeners = new Set<() => void>();
  #lastNanos = 0n;
  #addresses = 1;

  constructor(options: FakeEngineOptions = {}) {
    this.options = options;
    for (const ref of options.images ?? []) this.addImage(ref);
  }

  /** While true, every call throws EngineUnavailable; containers go on. */
  get down(): boolean {
    return this.#down;
  }
  set down(value: boolean) {
    this.#down = value;
    this.changed();
  }

  /** Throws EngineUnavailable while the engine is down. */
  check(): void {
    if (this.#down) throw new EngineUnavailable('fake', new Error('it is down'));
  }

  addImage(ref: string): void {
    this.images.set(ref, {
      id: `sha256:${ref}`,
      names: [ref],
      sizeBytes: 1,
      user: '',
      labels: {},
      createdAt: Date.now(),
      command: [],
    });
  }

  add(spec: ContainerSpec): void {
    this.#addresses = (this.#addresses % 250) + 1;
    const address = `10.255.0.${this.#addresses}`;
    const program = this.options.program?.(spec) ?? {};
    this.containers.set(spec.name, { spec, program, state: 'created', lines: [], address, timers: [], commands: [] });
    this.changed();
  }

  run(container: FakeContainer): void {
    const { program, spec } = container;
    if (program.refuseStart !== undefined) throw new EngineRefused(`the start of ${spec.name}`, program.refuseStart);
    container.state = 'running';
    container.startedAt = Date.now();
    for (const { afterMs = 0, stream = 'stdout', text } of program.output ?? []) {
      this.#later(container, afterMs, () => this.print(container, text, stream));
    }
    if (program.runMs !== undefined || program.oom) {
      this.#later(container, program.runMs ?? 0, () => {
        if (program.oom) container.oomKilled = true;
        this.end(container, program.exitCode ?? (program.oom ? 137 : 0));
      });
    }
    this.changed();
  }

  /** Adds one line to a container's output, for tests that steer by hand. */
  print(container: FakeContainer, text: string, stream: 'stdout' | 'stderr' = 'stdout'): void {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.#lastNanos = now > this.#lastNanos ? now : this.#lastNanos + 1n;
    container.lines.push({ time: this.#lastNanos.toString(), stream, text, complete: true });
    this.changed();
  }

  /** Ends a container, as its program or a signal would. */
  end(container: FakeContainer, exitCode: number): void {
    if (container.state !== 'running') return;
    for (const timer of container.timers.splice(0)) clearTimeout(timer);
    for (const end of container.commands.splice(0)) end();
    container.state = 'exited';
    container.exitCode = exitCode;
    container.finishedAt = Date.now();
    this.changed();
  }

  drop(name: string): void {
    for (const timer of this.containers.get(name)?.timers ?? []) clearTimeout(timer);
    this.containers.delete(name);
    this.changed();
  }

  /** Resolves at the next change of anything, or rejects when `signal` aborts. */
  change(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#listeners.delete(settle);
        signal?.removeEventListener('abort', settle);
        if (signal?.aborted) reject(signal.reason);
        else resolve();
      };
      this.#listeners.add(settle);
      signal?.addEventListener('abort', settle);
      if (signal?.aborted) settle();
    });
  }

  changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Stops all timers; for the end of a test. */
  close(): void {
    for (const name of [...this.containers.keys()]) this.drop(name);
  }

  #later(container: FakeContainer, ms: number, action: () => void): void {
    if (ms === 0) action();
    else container.timers.push(setTimeout(action, ms));
  }
}
