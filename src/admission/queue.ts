import type { Entry } from './entry.ts';

/** Entries by their order; taking the first and appending cost nothing, the rest is a search and a move of memory. */
export class OrderedList {
  #items: Entry[] = [];
  /** What lies before was taken out. */
  #start = 0;

  get length(): number {
    return this.#items.length - this.#start;
  }

  get first(): Entry | undefined {
    return this.#items[this.#start];
  }

  /** How many come before `order`. */
  before(order: number): number {
    let low = this.#start;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#items[middle]!.order < order) low = middle + 1;
      else high = middle;
    }
    return low - this.#start;
  }

  add(entry: Entry): void {
    this.#items.splice(this.#start + this.before(entry.order), 0, entry);
  }

  remove(entry: Entry): boolean {
    const at = this.#start + this.before(entry.order);
    if (this.#items[at] !== entry) return false;
    if (at > this.#start) {
      this.#items.splice(at, 1);
    } else {
      this.#start += 1;
      if (this.#start > 64 && this.#start * 2 > this.#items.length) {
        this.#items = this.#items.slice(this.#start);
        this.#start = 0;
      }
    }
    return true;
  }

  *[Symbol.iterator](): Iterator<Entry> {
    for (let at = this.#start; at < this.#items.length; at++) yield this.#items[at]!;
  }
}

/** Entries by shape: those of one shape are alike in all that decides, so that the first of each shape speaks for the rest. */
export class ShapedQueue {
  readonly shapes = new Map<string, OrderedList>();
  length = 0;

  add(entry: Entry): void {
    let list = this.shapes.get(entry.shape);
    if (!list) {
      list = new OrderedList();
      this.shapes.set(entry.shape, list);
    }
    list.add(entry);
    this.length += 1;
  }

  remove(entry: Entry): boolean {
    const list = this.shapes.get(entry.shape);
    if (!list?.remove(entry)) return false;
    if (list.length === 0) this.shapes.delete(entry.shape);
    this.length -= 1;
    return true;
  }

  /** The first of all, or of the shapes that are not in `except`. */
  first(except?: ReadonlySet<string>): Entry | undefined {
    let first: Entry | undefined;
    for (const [shape, { first: entry }] of this.shapes) {
      if (entry && !except?.has(shape) && (!first || entry.order < first.order)) first = entry;
    }
    return first;
  }

  /** How many come before `order`. */
  before(order: number): number {
    let count = 0;
    for (const list of this.shapes.values()) count += list.before(order);
    return count;
  }

  /** All of them, in order. */
  sorted(): Entry[] {
    return [...this.shapes.values()].flatMap(list => [...list]).sort((left, right) => left.order - right.order);
  }
}
