import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { crc32 } from 'node:zlib';

/** What a lane is told: bytes of a stream, its end, that nobody wants the digest any more, or bytes for a CRC-32 of their own. */
export type LaneRequest =
  | { stream: number; kind: 'bytes'; bytes: Uint8Array<SharedArrayBuffer> }
  | { stream: number; kind: 'end' }
  | { stream: number; kind: 'drop' }
  | { stream: number; kind: 'crc32'; bytes: Uint8Array<SharedArrayBuffer> };

/** `md5` in hex at the end of a stream, or `crc32` where that was asked for; without them: the bytes sent last are done with. */
export interface LaneAnswer {
  stream: number;
  md5?: string;
  crc32?: number;
}

const streams = new Map<number, Hash>();
const port = parentPort!;

port.on('message', (request: LaneRequest) => {
  const { stream } = request;
  if (request.kind === 'drop') {
    streams.delete(stream);
    return;
  }
  if (request.kind === 'crc32') {
    port.postMessage({ stream, crc32: crc32(request.bytes) } satisfies LaneAnswer);
    return;
  }
  let hash = streams.get(stream);
  if (!hash) {
    hash = createHash('md5');
    streams.set(stream, hash);
  }
  if (request.kind === 'bytes') {
    hash.update(request.bytes);
    port.postMessage({ stream } satisfies LaneAnswer);
    return;
  }
  streams.delete(stream);
  port.postMessage({ stream, md5: hash.digest('hex') } satisfies LaneAnswer);
});
