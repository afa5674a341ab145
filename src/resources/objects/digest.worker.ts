import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

/** What a lane is told: bytes of a stream, its end, or that nobody wants the digest any more. */
export type LaneRequest =
  | { stream: number; kind: 'bytes'; bytes: Uint8Array<SharedArrayBuffer> }
  | { stream: number; kind: 'end' }
  | { stream: number; kind: 'drop' };

/** `md5` in hex at the end of a stream; without it: the bytes sent last are done with. */
export interface LaneAnswer {
  stream: number;
  md5?: string;
}

const streams = new Map<number, Hash>();
const port = parentPort!;

port.on('message', (request: LaneRequest) => {
  const { stream } = request;
  if (request.kind === 'drop') {
    streams.delete(stream);
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
