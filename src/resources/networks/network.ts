import { badRequest } from '../../kernel/object-list.ts';
import { contains, overlaps, parseSubnet, type Subnet, size } from '../../kernel/subnet.ts';

/** States of a network on the wire (behaviour/resources.md 4). */
export type NetworkPhase = 'Creating' | 'Active' | 'Abnormal' | 'Deleting';

export const NAME_LABEL = 'os.modelarts/name';
export const WORKSPACE_LABEL = 'os.modelarts/workspace.id';
export const DESCRIPTION = 'os.modelarts/description';
/** Whether workloads on the network reach the platform's management API besides the object store; "true" or "false". */
export const API_ANNOTATION = 'atelier/management-api';
/** Networks of a project (behaviour/resources.md 8). */
export const NETWORK_QUOTA = 15;

/** A network of dedicated pools. */
export interface Network {
  /** `metadata.name`. */
  id: string;
  accountId: string;
  projectId: string;
  workspaceId: string;
  /** Display name. */
  name: string;
  cidr: string;
  annotations: Record<string, string>;
  ownerId: string;
  desired: 'active' | 'deleted';
  phase: NetworkPhase;
  /** Why it is not Active. */
  message: string;
  createdAt: number;
}

/** What `spec.cidr` may be of (behaviour/resources.md 4). */
export const CIDR_RANGES = ['172.16.0.0/12', '192.168.0.0/16'];
const LONGEST_PREFIX = 24;
/** What the service keeps for itself: containers and services. */
const RESERVED = ['172.16.0.0/16', '10.247.0.0/16'];

/** Reads `spec.cidr`. Throws Failure 400 when it is none of the documented ones. */
export function checkCidr(cidr: string): Subnet {
  const subnet = parseSubnet(cidr);
  const allowed = 'it must be from 172.16.0.0/12 to /24 or from 192.168.0.0/16 to /24, such as 192.168.128.0/17';
  if (!subnet) throw badRequest(`[spec.cidr] "${cidr.slice(0, 40)}" is no subnet; ${allowed}.`);
  const inside = CIDR_RANGES.some(range => contains(parseSubnet(range)!, subnet));
  if (!inside || subnet.prefix > LONGEST_PREFIX) {
    throw badRequest(`[spec.cidr] "${cidr}" is not allowed; ${allowed}.`);
  }
  const reserved = RESERVED.find(range => overlaps(parseSubnet(range)!, subnet));
  if (reserved) throw badRequest(`[spec.cidr] "${cidr}" overlaps ${reserved}, which is reserved; take another range.`);
  return subnet;
}

/** Which of `taken` a subnet overlaps; what is no subnet is passed over. */
export function overlapping(subnet: Subnet, taken: readonly string[]): string | undefined {
  return taken.find(text => {
    const other = parseSubnet(text);
    return other !== undefined && other.prefix > 0 && overlaps(subnet, other);
  });
}

/** Addresses that containers can have: all but the network's, the host's and the last one. */
export function usableAddresses(cidr: string): number {
  return size(parseSubnet(cidr)!) - 3;
}

/** Refuses a display name but 4 to 25 lower-case letters, digits and hyphens, from a letter on and without a hyphen at the end. */
export function checkDisplayName(name: string): void {
  if (/^[a-z][a-z0-9-]{2,23}[a-z0-9]$/.test(name)) return;
  throw badRequest(
    `[metadata.labels."os.modelarts/name"] "${name.slice(0, 40)}" must have 4 to 25 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen.`,
  );
}

const LONGEST_ANNOTATION = 1024;
const MOST_ANNOTATIONS = 50;

/**
 * Annotations as a merge patch (RFC 7396) leaves them: null takes one away. Throws Failure 400 for a description with characters that
 * the service does not take, and for what is no text (behaviour/resources.md 2).
 */
export function mergeAnnotations(
  before: Record<string, string>,
  patch: Record<string, unknown> | null | undefined,
): Record<string, string> {
  if (patch === null) return {};
  const after = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(patch ?? {})) {
    if (!/^[\w./-]{1,253}$/.test(key))
      throw badRequest(`[metadata.annotations] "${key.slice(0, 60)}" is no name of one.`);
    if (value === null) {
      after.delete(key);
      continue;
    }
    if (typeof value !== 'string' || value.length > LONGEST_ANNOTATION) {
      throw badRequest(`[metadata.annotations."${key}"] must be a text of at most ${LONGEST_ANNOTATION} characters.`);
    }
    if (key === DESCRIPTION && (/[!<>=&"'.]/.test(value) || value.length > 256)) {
      throw badRequest(
        `[metadata.annotations."${key}"] must have at most 256 characters and none of ! < > = & " ' and the full stop.`,
      );
    }
    after.set(key, value);
  }
  if (after.size > MOST_ANNOTATIONS) throw badRequest(`[metadata.annotations] must have at most ${MOST_ANNOTATIONS}.`);
  return Object.fromEntries(after);
}

/** Whether workloads on it may call the management API. */
export function allowsApi(network: Pick<Network, 'annotations'>): boolean {
  return network.annotations[API_ANNOTATION] === 'true';
}

/** Refuses another value of that annotation than true and false. */
export function checkApiAnnotation(annotations: Record<string, string>): void {
  const value = annotations[API_ANNOTATION];
  if (value === undefined || value === 'true' || value === 'false') return;
  throw badRequest(`[metadata.annotations."${API_ANNOTATION}"] "${value.slice(0, 40)}" must be "true" or "false".`);
}
