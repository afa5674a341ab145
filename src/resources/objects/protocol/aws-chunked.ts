import { createHash, type Hash } from 'node:crypto';
import { obsFailure } from '../failures.ts';
import type { ChunkSigner } from './signature-v4.ts';

/** Longest line of the framing: a chunk header or one trailer. */
const MAX_LINE = 4096;
const MAX_TRAILERS = 20;

/**
 * Takes the `aws-chunked` framing off a body: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n`, a last chunk of size 0,
 * then trailers where the client announced them. With `signer`, every chunk's and the trailer's signature is verified.
 * Throws Failure IncompleteBody, SignatureDoesNotMatch or InvalidRequest.
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Buffer>,
  framing: { trailer: boolean; signer?: ChunkSigner },
  onTrailer: (name: string, value: string) => void,
): AsyncGenerator<Buffer> {
  const { signer } = framing;
  const reader = new ByteReader(source);
  for (;;) {
    const [sizeText = '', ...extensions] = (await reader.line()).split(';');
    if (!/^[0-9a-f]{1,9}$/i.test(sizeText)) throw obsFailure('InvalidRequest', 'A chunk header is malformed.');
    const size = Number.parseInt(sizeText, 16);
    const hash = signer && createHash('sha256');
    for await (const piece of reader.take(size)) {
      hash?.update(piece);
      yield piece;
    }
    if (signer) {
      const given = extensions.find(text => text.startsWith('chunk-signature='))?.slice('chunk-signature='.length);
      if (signer.chunk(hash!.digest('hex')) !== given) {
        throw obsFailure('SignatureDoesNotMatch', 'The signature of a chunk does not match.');
      }
    }
    if (size === 0) break;
    if ((await reader.line()) !== '') throw obsFailure('InvalidRequest', 'A chunk is longer than its header says.');
  }
  if (framing.trailer) await readTrailers(reader, signer, onTrailer);
  await reader.drain();
}

async function readTrailers(
  reader: ByteReader,
  signer: ChunkSigner | undefined,
  onTrailer: (name: string, value: string) => void,
): Promise<void> {
  const hash: Hash = createHash('sha256');
  let signature: string | undefined;
  for (let count = 0; count < MAX_TRAILERS; count++) {
    const line = await reader.line(true);
    if (line === '') break;
    const colon = line.indexOf(':');
    if (colon < 1) throw obsFailure('InvalidRequest', 'A trailer is malformed.');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'x-amz-trailer-signature') {
      signature = value;
      continue;
    }
    hash.update(`${name}:${value}\n`);
    onTrailer(name, value);
  }
  if (signer && signer.trailer(hash.digest('hex')) !== signature) {
    throw obsFailure('SignatureDoesNotMatch', 'The signature of the trailer does not match.');
  }
}

/** Lines and counted bytes out of a stream of buffers. */
class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next line without its end; `endAsEmpty`: the end of the stream counts as an empty line. */
  async line(endAsEmpty = false): Promise<string> {
    let at = this.#rest.indexOf(10);
    while (at < 0) {
      if (this.#rest.length > MAX_LINE) throw obsFailure('InvalidRequest', 'A line of the chunk framing is too long.');
      if (!(await this.#more())) {
        if (endAsEmpty && this.#rest.length === 0) return '';
        throw obsFailure('IncompleteBody');
      }
      at = this.#rest.indexOf(10);
    }
    const line = this.#rest.toString('latin1', 0, at).replace(/\r$/, '');
    this.#rest = this.#rest.subarray(at + 1);
    return line;
  }

  async *take(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      if (this.#rest.length === 0 && !(await this.#more())) throw obsFailure('IncompleteBody');
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** Reads to the end, where nothing of weight may come. */
  async drain(): Promise<void> {
    do {
      if (this.#rest.length > MAX_LINE) throw obsFailure('InvalidRequest', 'Bytes follow the last chunk.');
    } while (await this.#more());
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
    return true;
  }
}
