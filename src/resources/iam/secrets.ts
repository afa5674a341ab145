import { argon2, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Failure } from '../../kernel/failure.ts';

/** Argon2id with 19 MiB and two passes: OWASP's recommendation for stored passwords. */
const ARGON = { parallelism: 1, memory: 19_456, passes: 2, tagLength: 32 } as const;
const PREFIX = `$argon2id$v=19$m=${ARGON.memory},t=${ARGON.passes},p=${ARGON.parallelism}$`;
const NO_HASH = `${PREFIX}${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(ARGON.tagLength).toString('base64')}`;

/** Hashing takes a thread of the pool that files need too, so few go at once and not many wait. */
const AT_ONCE = 2;
const WAITING = 64;
let running = 0;
const queue: (() => void)[] = [];

/** The hash of a password with its salt, for the database. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, ARGON);
  return `${PREFIX}${salt.toString('base64')}$${key.toString('base64')}`;
}

/** Whether the password is the one that was hashed. Takes the same time when there is no hash. */
export async function passwordMatches(password: string, stored: string | null): Promise<boolean> {
  const parsed = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(stored ?? NO_HASH);
  if (!parsed) throw new Error('a stored password hash is not of the form $argon2id$v=19$…');
  const [memory, passes, parallelism] = [Number(parsed[1]), Number(parsed[2]), Number(parsed[3])];
  const expected = Buffer.from(parsed[5]!, 'base64');
  const cost = { memory, passes, parallelism, tagLength: expected.length };
  const given = await derive(password, Buffer.from(parsed[4]!, 'base64'), cost);
  return timingSafeEqual(given, expected) && stored !== null;
}

async function derive(
  password: string,
  nonce: Buffer,
  cost: { memory: number; passes: number; parallelism: number; tagLength: number },
): Promise<Buffer> {
  if (running >= AT_ONCE) {
    if (queue.length >= WAITING) {
      throw new Failure({
        code: 'APIGW.0308',
        status: 429,
        message: 'Too many logins wait to be checked.',
        solution: 'Try again in some seconds.',
      });
    }
    await new Promise<void>(resolve => queue.push(resolve));
  } else running++;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      argon2('argon2id', { message: password, nonce, ...cost }, (error, key) => (error ? reject(error) : resolve(key)));
    });
  } finally {
    // A waiting one takes this place over.
    const next = queue.shift();
    if (next) next();
    else running--;
  }
}

/** What the seals of key secrets and of security tokens are bound to, before the key's id. */
export const KEY_CONTEXT = 'access-key:';
export const TOKEN_CONTEXT = 'security-token:';

/** SHA-256 in hexadecimal digits. */
export function sha256(data: string | Buffer): string {
  return hash('sha256', data, 'hex');
}

/** Compares two texts in constant time. */
export function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
