import { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const ALNUM = `${LETTERS}abcdefghijklmnopqrstuvwxyz0123456789`;

/** A random UUID in the usual form with dashes. */
export function uuid(): string {
  return randomUUID();
}

/** 32 hexadecimal digits: the form of IAM's ids, workspaces and request ids. */
export function hexId(): string {
  // Drawn many at a time: each draw costs more than all the rest.
  if (nextId === ids.length) {
    ids = randomBytes(IDS_AT_ONCE * 16).toString('hex');
    nextId = 0;
  }
  nextId += 32;
  return ids.slice(nextId - 32, nextId);
}

const IDS_AT_ONCE = 128;
let ids = '';
let nextId = 0;

/** `length` characters drawn evenly from letters and digits; fit for secrets. */
export function randomText(length: number, alphabet: string = ALNUM): string {
  let text = '';
  for (let i = 0; i < length; i++) text += alphabet[randomInt(alphabet.length)];
  return text;
}

/** An access key id: 20 upper-case letters and digits, as Huawei Cloud's are. */
export function accessKeyId(): string {
  return randomText(20, `${LETTERS}0123456789`);
}

/** A UUID that follows from what it stands for. */
export function derivedUuid(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
