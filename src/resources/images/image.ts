import { Failure } from '../../kernel/failure.ts';
import { derivedUuid } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { ownerOf } from '../../kernel/principal.ts';
import type { ARCHITECTURES, CATEGORIES, DEV_SERVICES, SERVICE_TYPES, VISIBILITIES } from './image.api.ts';

export type ImageStatus = 'INIT' | 'CREATING' | 'CREATE_FAILED' | 'ERROR' | 'DELETED' | 'ACTIVE';

/** An image as users register or save it, or a preset one (behaviour/notebooks.md 3). */
export interface Image {
  id: string;
  projectId: string;
  accountId: string;
  workspaceId: string;
  owner: { id: string; name: string };
  name: string;
  namespace: string;
  tag: string;
  /** The reference by which the container engine knows it. */
  swrPath: string;
  description: string;
  arch: (typeof ARCHITECTURES)[number];
  origin: 'CUSTOMIZE' | 'IMAGE_SAVE';
  type: 'BUILD_IN' | 'DEDICATED';
  resourceCategories: readonly (typeof CATEGORIES)[number][];
  devServices: readonly (typeof DEV_SERVICES)[number][];
  serviceType: (typeof SERVICE_TYPES)[number];
  visibility: (typeof VISIBILITIES)[number];
  status: ImageStatus;
  statusMessage: string;
  /** Bytes; 0 while unknown. */
  size: number;
  /** Of a saved one: the notebook instance. */
  source?: { instanceId: string };
  createdAt: number;
  updatedAt: number;
}

export interface ImageTag {
  key: string;
  value: string;
}

/** What is said of all images of one name. */
export interface GroupNotes {
  readMe: string;
  tags: ImageTag[];
}

/** A reference in parts: `registry/namespace/name:tag`. */
export interface ImageRef {
  /** Empty where none is written. */
  registry: string;
  namespace: string;
  name: string;
  tag: string;
}

const NAME = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
const NAMESPACE = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
const REGISTRY = /^[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?$/;
const LONGEST_NAME = 512;
/** Below it lie the images of accounts, each in a folder of its own. */
const ACCOUNTS = 'localhost/swr/';

/** Failure of a field of a request. */
export function wrong(field: string, what: string, code = 'ModelArts.6336'): Failure {
  return new Failure({ code, status: 400, message: `Parameter [${field}] ${what}` });
}

/** Takes a reference apart. Throws Failure 6336 when it is none, or names no tag. */
export function parseImageRef(text: string, field = 'swr_path'): ImageRef {
  const given = `is "${text.slice(0, 200)}";`;
  const match = /^(.+):([^:/]+)$/.exec(text);
  if (!match || text.includes('@')) throw wrong(field, `${given} it must have the form registry/namespace/name:tag.`);
  const [, path, tag] = match as unknown as [string, string, string];
  const steps = path.split('/');
  const hasRegistry = steps.length > 1 && (/[.:]/.test(steps[0]!) || steps[0] === 'localhost');
  const registry = hasRegistry ? steps.shift()! : '';
  if (registry !== '' && !REGISTRY.test(registry)) throw wrong(field, `${given} its registry is no host name.`);
  for (const step of steps) {
    if (!NAME.test(step)) {
      throw wrong(field, `${given} names hold lower-case letters, digits, "-", "_" and ".".`, 'ModelArts.6334');
    }
  }
  if (path.length > LONGEST_NAME) throw wrong(field, `is longer than ${LONGEST_NAME} characters.`);
  if (!TAG.test(tag)) throw wrong(field, `${given} a tag has at most 64 letters, digits, "_", "-" and ".".`);
  const name = steps.pop()!;
  return { registry, namespace: steps.join('/'), name, tag };
}

/** The reference of an account's own image. Throws Failure 6336 for parts that are no names. */
export function accountRef(accountId: string, part: { namespace: string; name: string; tag: string }): string {
  if (!NAMESPACE.test(part.namespace))
    throw wrong('namespace', 'must have 1 to 64 lower-case letters, digits, "-", "_" and ".".', 'ModelArts.6334');
  if (!NAME.test(part.name) || part.name.length > LONGEST_NAME)
    throw wrong(
      'name',
      `must have 1 to ${LONGEST_NAME} lower-case letters, digits, "-", "_" and ".".`,
      'ModelArts.6334',
    );
  if (!TAG.test(part.tag)) throw wrong('tag', 'must have 1 to 64 letters, digits, "_", "-" and ".".', 'ModelArts.6334');
  return `${ACCOUNTS}${accountId}/${part.namespace}/${part.name}:${part.tag}`;
}

/** Whether a reference is one of the account's own, whose content goes with it. */
export function isOwnRef(accountId: string, ref: string): boolean {
  return ref.startsWith(`${ACCOUNTS}${accountId}/`);
}

/**
 * Whether an account may use the image that the engine knows by these references: one of them must be its own, or nobody's. An image
 * can be asked for by its id or a short name too, so what counts is what the engine found, not what was written.
 */
export function mayUse(accountId: string, names: readonly string[]): boolean {
  return names.some(name => !name.startsWith(ACCOUNTS) || isOwnRef(accountId, name));
}

/** Whether a reference means one image alone, which is no account's: what the engine would find need not be asked. */
export function isPlainRef(ref: string): boolean {
  const registry = ref.split('/')[0]!;
  return ref.includes('/') && (registry === 'localhost' || /[.:]/.test(registry)) && !ref.startsWith(ACCOUNTS);
}

/** The namespace that people see: without the folder of the account. */
export function shownNamespace(ref: ImageRef): string {
  const match = /^swr\/[0-9a-f]{32}\/(.+)$/.exec(ref.namespace);
  return ref.registry === 'localhost' && match ? match[1]! : ref.namespace;
}

/** Whether the caller sees it: what is private is for its owner and the account itself. */
export function isVisible(image: Image, principal: Principal): boolean {
  if (image.type === 'BUILD_IN' || image.visibility === 'PUBLIC') return true;
  return principal.kind === 'root' || ownerOf(principal).id === image.owner.id;
}

/** Id of all the images of one name in a workspace. */
export function groupId(image: Pick<Image, 'projectId' | 'workspaceId' | 'namespace' | 'name' | 'type'>): string {
  const place = image.type === 'BUILD_IN' ? 'preset' : `${image.projectId}/${image.workspaceId}`;
  return derivedUuid(`group/${place}/${image.namespace}/${image.name}`);
}
