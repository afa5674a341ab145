import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { LaneAnswer, LaneRequest } from './digest.worker.ts';

/** The MD5 of one stream, computed on another thread. */
export interface StreamDigest {
  /** Takes bytes, in order; resolves when they are no longer needed. They must lie in shared memory. */
  update(bytes: Uint8Array<SharedArrayBuffer>): Promise<void>;
  /** MD5 in hex. */
  end(): Promise<string>;
  /** Gives up. */
  drop(): void;
}

interface Waiter {
  resolve(answer: LaneAnswer): void;
  reject(error: Error): void;
}

interface Lane {
  worker: Worker;
  streams: number;
  /** By stream, in the order in which the lane answers. */
  waiting: Map<number, Waiter[]>;
}

/** One core stays for the network and the disk. */
const MOST_LANES = Math.min(Math.max(availableParallelism() - 1, 1), 4);
const lanes: Lane[] = [];
let lastStream = 0;

/**
 * Begins a digest on the lane with the least to do. MD5 runs at half a gigabyte a second and cannot be divided, so it
 * must not hold up the thread that serves everybody; lanes start when first needed and do not keep the process alive.
 */
export function openDigest(): StreamDigest {
  const lane = idlest();
  const stream = ++lastStream;
  lane.streams++;
  let open = true;
  const close = () => {
    if (open) lane.streams--;
    open = false;
  };
  const ask = (request: LaneRequest) =>
    new Promise<LaneAnswer>((resolve, reject) => {
      if (!lanes.includes(lane)) return reject(new Error('the thread of the digest has ended'));
      const queue = lane.waiting.get(stream);
      if (queue) queue.push({ resolve, reject });
      else lane.waiting.set(stream, [{ resolve, reject }]);
      lane.worker.ref(); // until it has answered
      lane.worker.postMessage(request);
    });
  return {
    async update(bytes) {
      await ask({ stream, kind: 'bytes', bytes });
    },
    async end() {
      try {
        return (await ask({ stream, kind: 'end' })).md5!;
      } finally {
        close();
      }
    },
    drop() {
      if (open) lane.worker.postMessage({ stream, kind: 'drop' } satisfies LaneRequest);
      close();
    },
  };
}

function idlest(): Lane {
  let best: Lane | undefined;
  for (const lane of lanes) if (!best || lane.streams < best.streams) best = lane;
  return best && (best.streams === 0 || lanes.length >= MOST_LANES) ? best : startLane();
}

function startLane(): Lane {
  const worker = new Worker(new URL('./digest.worker.ts', import.meta.url), {
    name: 'digest',
    execArgv: [], // flags of the program, such as --input-type, are none of a lane's
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
  });
  const lane: Lane = { worker, streams: 0, waiting: new Map() };
  worker.unref();
  worker.on('message', (answer: LaneAnswer) => {
    const queue = lane.waiting.get(answer.stream);
    const waiter = queue?.shift();
    if (queue?.length === 0) lane.waiting.delete(answer.stream);
    if (lane.waiting.size === 0) worker.unref();
    waiter?.resolve(answer);
  });
  const fail = (error: Error) => {
    const at = lanes.indexOf(lane);
    if (at >= 0) lanes.splice(at, 1);
    for (const queue of lane.waiting.values()) for (const waiter of queue) waiter.reject(error);
    lane.waiting.clear();
  };
  worker.on('error', error => fail(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', code => fail(new Error(`the thread of the digest ended with code ${code}`)));
  lanes.push(lane);
  return lane;
}
