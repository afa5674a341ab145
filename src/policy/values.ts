import type { Scalar } from './context.ts';

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;
const OCTET = /^(?:0|[1-9]\d{0,2})$/;

/** The finite number that a value stands for, or undefined. */
export function numberOf(value: Scalar): number | undefined {
  if (typeof value === 'boolean') return undefined;
  if (typeof value === 'string' && !NUMBER.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Milliseconds since the epoch of an ISO 8601 time (with zone) or date, or of a number of milliseconds. */
export function dateOf(value: Scalar): number | undefined {
  if (typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (/^\d{10,15}$/.test(value)) return Number(value);
  const parts = DATE.exec(value);
  if (!parts) return undefined;
  const day = new Date(Date.UTC(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3])));
  if (day.getUTCMonth() !== Number(parts[2]) - 1 || day.getUTCDate() !== Number(parts[3])) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

/** True or false as a value spells it, in any case. */
export function boolOf(value: Scalar): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const text = String(value).toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** An address as a number of `bits` bits. */
export interface Address {
  bits: 32 | 128;
  value: bigint;
}

/** A block of addresses: those whose first `prefix` bits equal those of `value`. */
export interface Block extends Address {
  prefix: number;
}

function ipv4(text: string): bigint | undefined {
  const octets = text.split('.');
  if (octets.length !== 4 || !octets.every(octet => OCTET.test(octet) && Number(octet) < 256)) return undefined;
  return octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
}

function ipv6Groups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const pieces = text.split(':');
  for (const [i, piece] of pieces.entries()) {
    const embedded = i === pieces.length - 1 && piece.includes('.') ? ipv4(piece) : undefined;
    if (embedded !== undefined) groups.push(Number(embedded >> 16n), Number(embedded & 0xffffn));
    else if (/^[0-9a-fA-F]{1,4}$/.test(piece)) groups.push(Number.parseInt(piece, 16));
    else return undefined;
  }
  return groups;
}

function ipv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = ipv6Groups(halves[0] ?? '');
  const tail = ipv6Groups(halves[1] ?? '');
  if (!head || !tail) return undefined;
  // A dotted quad may only end the address, so not the part before "::".
  if (halves.length === 2 && halves[0]?.includes('.')) return undefined;
  const gap = 8 - head.length - tail.length;
  if (halves.length === 2 ? gap < 1 : gap !== 0) return undefined;
  return [...head, ...new Array<number>(gap).fill(0), ...tail].reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

/** Reads an IPv4 or IPv6 address. IPv4 written as IPv6 (`::ffff:10.0.0.1`) is IPv4: servers see callers that way. */
export function addressOf(text: string): Address | undefined {
  const short = ipv4(text);
  if (short !== undefined) return { bits: 32, value: short };
  const long = text.includes(':') ? ipv6(text) : undefined;
  if (long === undefined) return undefined;
  if (long >> 32n === 0xffffn) return { bits: 32, value: long & 0xffffffffn };
  return { bits: 128, value: long };
}

/** Reads an address or a CIDR block. */
export function blockOf(text: string): Block | undefined {
  const [base, length, ...rest] = text.split('/');
  const address = addressOf(base ?? '');
  if (!address || rest.length > 0) return undefined;
  if (length === undefined) return { ...address, prefix: address.bits };
  if (!OCTET.test(length)) return undefined;
  const mapped = address.bits === 32 && (base ?? '').includes(':');
  const prefix = Number(length) - (mapped ? 96 : 0);
  return prefix >= 0 && prefix <= address.bits ? { ...address, prefix } : undefined;
}

/** Whether the address lies in the block. */
export function inBlock(block: Block, address: Address): boolean {
  if (block.bits !== address.bits) return false;
  const shift = BigInt(block.bits - block.prefix);
  return block.value >> shift === address.value >> shift;
}
