import { obsFailure } from '../failures.ts';

/** The form of an upload from a browser: its fields, and the file that follows them. */
export interface Form {
  /** Names in lower case. */
  fields: Map<string, string>;
  /** Last part of the file's name, as the browser gave it. */
  fileName: string;
  fileType?: string;
  /** The file's bytes. Fails where the form does not end with them. */
  file: AsyncIterable<Buffer>;
}

/** Most bytes before the file, with all headers of the fields; S3's limit of 20 KB counts values alone. */
const MAX_FIELDS_BYTES = 64 * 1024;
const MAX_FIELDS = 200;
const HEADERS_END = Buffer.from('\r\n\r\n');

/**
 * Reads a `multipart/form-data` body (RFC 7578) up to the file, whose field must be named `file` and be the last. Holds
 * no more than the fields and one piece of the file. Throws Failure MalformedPOSTRequest, InvalidArgument,
 * MaxPostPreDataLengthExceededError or IncorrectNumberOfFilesInPostRequest.
 */
export async function openForm(source: AsyncIterable<Buffer>, contentType: string): Promise<Form> {
  const boundary = boundaryOf(contentType);
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const input = new Input(source);
  const fields = new Map<string, string>();
  // So that the first delimiter reads as all the others do.
  input.unread(Buffer.from('\r\n'));
  if ((await input.until(delimiter)).length > 0) throw malformed('it does not begin with its boundary');
  for (;;) {
    if (await input.ends()) throw obsFailure('IncorrectNumberOfFilesInPostRequest');
    const part = headersOf((await input.until(HEADERS_END)).toString('utf8'));
    if (part.name === 'file') {
      const file = input.rest(delimiter);
      return { fields, fileName: part.fileName, file, ...(part.type ? { fileType: part.type } : {}) };
    }
    if (part.hasFile) {
      throw obsFailure(
        'IncorrectNumberOfFilesInPostRequest',
        `The file must be in the field "file", not "${part.name}".`,
      );
    }
    const value = (await input.until(delimiter)).toString('utf8');
    if (fields.has(part.name)) throw obsFailure('InvalidArgument', `The form has two fields "${part.name}".`);
    if (fields.size >= MAX_FIELDS) throw malformed(`it has more than ${MAX_FIELDS} fields`);
    fields.set(part.name, value);
  }
}

/** The bytes of a form, of which only those not taken yet are held. */
class Input {
  readonly #source: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);
  #taken = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  unread(bytes: Buffer): void {
    this.#held = Buffer.concat([bytes, this.#held]);
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done) throw obsFailure('IncompleteBody', 'The form ended before its last boundary.');
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
  }

  /** What stands before `mark`, which is taken too. Counts to the limit of what comes before the file. */
  async until(mark: Buffer): Promise<Buffer> {
    let from = 0;
    for (;;) {
      const at = this.#held.indexOf(mark, from);
      if (this.#taken + (at < 0 ? this.#held.length : at) > MAX_FIELDS_BYTES) {
        throw obsFailure('MaxPostPreDataLengthExceededError');
      }
      if (at >= 0) {
        const bytes = this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + mark.length);
        this.#taken += at + mark.length;
        return bytes;
      }
      from = Math.max(0, this.#held.length - mark.length + 1);
      await this.#more();
    }
  }

  /** After a boundary: whether it was the last one. Otherwise the line's end is taken. */
  async ends(): Promise<boolean> {
    while (this.#held.length < 2) await this.#more();
    const two = this.#held.toString('latin1', 0, 2);
    this.#held = this.#held.subarray(2);
    if (two !== '--' && two !== '\r\n') throw malformed('a boundary is followed by neither "--" nor a line end');
    return two === '--';
  }

  /** The file: everything up to `delimiter`, which must be the last of the form. */
  async *rest(delimiter: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#held.indexOf(delimiter);
      if (at >= 0) {
        if (at > 0) yield this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + delimiter.length);
        break;
      }
      const sure = this.#held.length - delimiter.length + 1;
      if (sure > 0) {
        const bytes = this.#held.subarray(0, sure);
        this.#held = this.#held.subarray(sure);
        yield bytes;
      }
      await this.#more();
    }
    if (!(await this.ends())) throw malformed('something follows the file, which must be the last field');
    // What follows the last boundary is read, within bounds, so that the connection can be used again.
    let after = this.#held.length;
    for (let next = await this.#source.next(); !next.done; next = await this.#source.next()) {
      after += next.value.length;
      if (after > MAX_FIELDS_BYTES) throw malformed('it goes on after its last boundary');
    }
  }
}

function boundaryOf(contentType: string): string {
  const match = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*(?:;|$)/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw malformed('Content-Type names no boundary');
  return boundary;
}

function headersOf(text: string): { name: string; hasFile: boolean; fileName: string; type?: string } {
  // The text begins with the rest of the boundary's line, which `ends` took; so every line is a header.
  const headers = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon < 1) throw malformed('a part has a header without a colon');
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const disposition = headers.get('content-disposition') ?? '';
  if (!/^form-data\s*;/i.test(disposition)) throw malformed('a part has no Content-Disposition: form-data');
  const name = parameter(disposition, 'name');
  if (!name) throw malformed('a part has no name');
  const fileName = parameter(disposition, 'filename');
  const type = headers.get('content-type');
  return {
    name: name.toLowerCase(),
    hasFile: fileName !== undefined,
    fileName: (fileName ?? '').split(/[/\\]/).at(-1)!,
    ...(type ? { type } : {}),
  };
}

/** A quoted parameter as browsers write it: `"` and line ends percent-encoded (WHATWG HTML), by older ones `\"`. */
function parameter(disposition: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;"]+))`, 'i').exec(disposition);
  const text = match?.[1] ?? match?.[2];
  return text?.replace(/\\"/g, '"').replace(/%22|%0D|%0A/gi, code => decodeURIComponent(code));
}

function malformed(why: string): Error {
  return obsFailure('MalformedPOSTRequest', `The form is not well-formed multipart/form-data: ${why}.`);
}
