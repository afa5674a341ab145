import { type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http';

type Value = OutgoingHttpHeader;

/**
 * Node's answer with headers that cost a fifth: those that are set wait in a list, and Node checks and renders them once, when the head is
 * written, instead of checking, sorting and looking up each as it is set. A value that no header may have is so refused at `writeHead`.
 */
export class Reply<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  /** In lower case; of each, its name as it was set and its value are at twice its place in `#lines`. */
  #names: string[] = [];
  #lines: Value[] = [];

  override setHeader(name: string, value: number | string | readonly string[]): this {
    if (this.headersSent) return super.setHeader(name, value); // throws what Node throws
    const lower = name.toLowerCase();
    const at = this.#names.indexOf(lower);
    const line = typeof value === 'object' ? [...value] : value;
    if (at < 0) {
      this.#names.push(lower);
      this.#lines.push(name, line);
    } else {
      this.#lines[at * 2] = name;
      this.#lines[at * 2 + 1] = line;
    }
    return this;
  }

  override getHeader(name: string): Value | undefined {
    const at = this.#names.indexOf(name.toLowerCase());
    return at < 0 ? undefined : this.#lines[at * 2 + 1];
  }

  override hasHeader(name: string): boolean {
    return this.#names.includes(name.toLowerCase());
  }

  override removeHeader(name: string): void {
    const at = this.#names.indexOf(name.toLowerCase());
    if (at < 0) return;
    this.#names.splice(at, 1);
    this.#lines.splice(at * 2, 2);
  }

  override getHeaderNames(): string[] {
    return [...this.#names];
  }

  override getHeaders(): OutgoingHttpHeaders {
    return Object.fromEntries(this.#names.map((name, at) => [name, this.#lines[at * 2 + 1]]));
  }

  /** Writes the head with what was set, and the `headers` given here. Node calls it as well, when the body begins without. */
  override writeHead(status: number, ...given: unknown[]): this {
    const headers = given.find(one => typeof one === 'object' && one !== null) ?? {};
    for (const [name, value] of Object.entries(headers as OutgoingHttpHeaders)) {
      if (value !== undefined) this.setHeader(name, value);
    }
    return super.writeHead(status, this.#lines);
  }
}
