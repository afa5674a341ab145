/** A block of IPv4 addresses. */
export interface Subnet {
  /** First address, as a number of 32 bits. */
  first: number;
  /** Length of the prefix, 0 to 32. */
  prefix: number;
}

/** Reads `192.168.0.0/16`; undefined when it is no such text, or when bits are set beyond the prefix. */
export function parseSubnet(text: string): Subnet | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!match) return undefined;
  const [a, b, c, d, prefix] = match.slice(1).map(Number) as [number, number, number, number, number];
  if ([a, b, c, d].some(octet => octet > 255) || prefix > 32) return undefined;
  // Otherwise one text would name what another one does.
  if (match.slice(1).some(part => part.length > 1 && part.startsWith('0'))) return undefined;
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  return first % size({ prefix }) === 0 ? { first, prefix } : undefined;
}

/** Number of addresses. */
export function size({ prefix }: { prefix: number }): number {
  return 2 ** (32 - prefix);
}

/** Whether they have an address in common. */
export function overlaps(one: Subnet, other: Subnet): boolean {
  return one.first < other.first + size(other) && other.first < one.first + size(one);
}

/** Whether `inner` lies wholly in `outer`. */
export function contains(outer: Subnet, inner: Subnet): boolean {
  return inner.first >= outer.first && inner.first + size(inner) <= outer.first + size(outer);
}
