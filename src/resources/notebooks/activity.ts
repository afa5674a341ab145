/** When somebody last worked in each instance, as far as this process saw it pass by. */
export class ActivityLog {
  readonly #at = new Map<string, number>();

  /** Somebody works in an instance. `at`: milliseconds since the epoch. */
  record(id: string, at: number): void {
    this.#at.set(id, Math.max(at, this.#at.get(id) ?? 0));
  }

  /** 0 when nothing was seen. */
  last(id: string): number {
    return this.#at.get(id) ?? 0;
  }

  forget(id: string): void {
    this.#at.delete(id);
  }
}
