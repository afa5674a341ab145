import { isIPv6 } from 'node:net';
import { Failure } from '../../kernel/failure.ts';

/** Failed logins that one address may make at once, and how fast the allowance comes back. */
const BURST = 60;
const REFILL_MS = 2_000;
const ADDRESSES = 10_000;

/**
 * Bounds failed logins by source address, whatever names they try: a bucket of `BURST` that refills by one every `REFILL_MS`. A login that
 * succeeds gives its place back, so that a class behind one address can log in. Memory is bounded: the longest unused go first.
 */
export function attemptLimit(now: () => number) {
  const buckets = new Map<string, { left: number; at: number }>();

  function bucketOf(source: string): { left: number; at: number } {
    const address = networkOf(source);
    const time = now();
    const before = buckets.get(address) ?? { left: BURST, at: time };
    const left = Math.min(BURST, before.left + Math.max(0, time - before.at) / REFILL_MS);
    const bucket = { left, at: time };
    // Last in the order of insertion: the first is the longest unused.
    buckets.delete(address);
    buckets.set(address, bucket);
    if (buckets.size > ADDRESSES) buckets.delete(buckets.keys().next().value!);
    return bucket;
  }

  return {
    /** Counts an attempt. Throws Failure 429 when the address has made too many. */
    take(address: string): void {
      const bucket = bucketOf(address);
      if (bucket.left < 1) {
        throw new Failure({
          code: 'APIGW.0308',
          status: 429,
          message: 'Too many failed logins from this address.',
          solution: `Try again in ${Math.ceil(REFILL_MS / 1000)} seconds.`,
        });
      }
      bucket.left -= 1;
    },
    /** Takes an attempt back that succeeded. */
    giveBack(address: string): void {
      const bucket = bucketOf(address);
      bucket.left = Math.min(BURST, bucket.left + 1);
    },
    /** How many addresses are remembered. */
    size: () => buckets.size,
  };
}

/** What one party has for itself: an IPv4 address, or a /64 of IPv6. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = address.split('%')[0]!.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const zeros = address.includes('::') ? Math.max(0, 8 - front.length - back.length) : 0;
  const groups = [...front, ...Array<string>(zeros).fill('0'), ...back];
  return groups
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':');
}
