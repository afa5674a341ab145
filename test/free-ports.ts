import { createServer } from 'node:net';

/** Below those that the system gives to outgoing connections (32768 and up): one of these could have the port before the test's server is there. */
const FIRST = 20_000;
const LAST = 32_000;

/** The first of so many consecutive ports of an address on which nothing listens. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    // By whole steps: two who look at the same time find the same ports, or others altogether.
    const first = FIRST + count * Math.floor(Math.random() * Math.floor((LAST - FIRST) / count));
    const free = await Promise.all(Array.from({ length: count }, (_, at) => isFree(first + at, host)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} consecutive free ports were found`);
}

/** A port of an address on which nothing listens. */
export const freePort = (host?: string): Promise<number> => freePorts(1, host);

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host, port }, () => probe.close(() => resolve(true)));
  });
}
