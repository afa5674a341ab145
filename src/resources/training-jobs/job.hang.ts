/** Share of a flavor's processors below which a task does nothing. A loop that waits for its peers uses less. */
const IDLE_SHARE = 0.01;

/**
 * Says when a job may be suspended (behaviour/training.md 10). The reference looks at input and output and at the use of accelerators;
 * here a job is taken to hang when for a whole `periodMs` no task printed anything, none changed an output, and none used its processors.
 * It begins anew with the process that watches, so a restart of the server only delays it.
 */
export class HangWatch {
  readonly #periodMs: number;
  #active: number;
  #told = false;

  constructor(periodMs: number, now: number) {
    this.#periodMs = periodMs;
    this.#active = now;
  }

  /** Something happened: a line of output, or a changed file. */
  alive(now: number): void {
    this.#active = now;
    this.#told = false;
  }

  /** One sample of a task's use, as a share of its flavor from 0 to 1. */
  used(share: number, now: number): void {
    if (share >= IDLE_SHARE) this.alive(now);
  }

  /** True once when the period is over, and again only after the job showed life. */
  hangs(now: number): boolean {
    if (this.#told || now - this.#active < this.#periodMs) return false;
    this.#told = true;
    return true;
  }
}
