import { Failure } from '../../kernel/failure.ts';
import type { Paged } from '../../kernel/page.ts';
import { directoryOfLocation } from '../../wire/obs-resource.ts';
import type { ModelApi, PackageDependency } from './package-config.ts';

/** Wire states of a model (reference api 2.1). */
export type ModelStatus = 'publishing' | 'published' | 'failed';

export interface Model {
  id: string;
  accountId: string;
  projectId: string;
  workspaceId: string;
  name: string;
  version: string;
  type: string;
  status: ModelStatus;
  description: string;
  ownerId: string;
  ownerName: string;
  agencyName: string;
  sourceJobId?: string;
  sourceJobVersion?: string;
  /** The directories to try, as `bucket/key/`: the parents of `model/`. */
  sources: string[];
  /** As the client gave it, or the output that was found. */
  sourceLocation: string;
  sourceCopy: string;
  runtime?: string;
  engineId?: string;
  algorithm?: string;
  initialConfig?: string;
  executionCode?: string;
  /** The effective config.json. */
  config?: Record<string, unknown>;
  apis: ModelApi[];
  dependencies: PackageDependency[];
  health?: Record<string, unknown>;
  metrics?: string;
  docs: { doc_name?: string; doc_url?: string }[];
  installType: string[];
  /** Bytes. */
  size: number;
  errorMessage?: string;
  attempts: number;
  createdAt: number;
  updatedAt: number;
  deleting: boolean;
}

export interface ModelEvent {
  time: number;
  type: 'normal' | 'abnormal';
  info: string;
}

export interface ModelFilter {
  projectId: string;
  workspaceId: string;
  name?: string;
  /** Documented oddity: the name match stays fuzzy, and `_` stands for itself. */
  exactMatch?: boolean;
  version?: string;
  status?: string;
  description?: string;
  type?: string;
  notType?: string;
  sortBy: 'create_at' | 'model_version' | 'model_size';
  order: 'asc' | 'desc';
  offset: number;
  limit: number;
}

export type ModelPage = Paged<Model>;

/** Versions of one name that a cascade removes at most (behaviour/inference.md 4). */
export const CASCADE_LIMIT = 20;

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const VERSION = /^(0|[1-9]\d?)\.(0|[1-9]\d?)\.(0|[1-9]\d?)$/;

/** Refuses a model name that breaks the rule (behaviour/inference.md 4). */
export function checkModelName(name: string): void {
  if (NAME.test(name)) return;
  throw invalid('model_name', 'must have 1 to 64 characters: letters, digits, underscores and hyphens', name);
}

/** Refuses a version that is not `digit.digit.digit`, one or two digits each without a leading zero. */
export function checkModelVersion(version: string): void {
  if (VERSION.test(version)) return;
  throw invalid(
    'model_version',
    'must have the form digit.digit.digit, one or two digits each without a leading zero, such as 0.0.1',
    version,
  );
}

/** Refuses a description longer than 100 characters or with one of the characters the service does not take. */
export function checkModelDescription(description: string): void {
  if ([...description].length > 100) {
    throw invalid('description', 'must have at most 100 characters', `${description.slice(0, 20)}…`);
  }
  if (/[&!'"<>=]/.test(description)) {
    throw invalid('description', 'must not contain any of & ! \' " < > =', description);
  }
}

/** A number that orders versions: `1.10.2` after `1.9.9`. */
export function versionRank(version: string): number {
  return version.split('.').reduce((rank, part) => rank * 100 + Number(part), 0);
}

/**
 * The directory a source location names, as `bucket/key/`. Takes `https://bucket.host/dir`, `obs://bucket/dir`, `/bucket/dir`.
 * Throws Failure ModelArts.3017.
 */
export function parseSourceLocation(location: string): string {
  const place = directoryOfLocation(location);
  if (typeof place === 'string') throw locationFailure(location, place);
  return `${place.bucket}/${place.key}`;
}

function locationFailure(location: string, why: string): Failure {
  return new Failure({
    code: 'ModelArts.3017',
    status: 400,
    message: `Parameter [source_location] is not a usable OBS directory: ${why} ("${location.slice(0, 200)}").`,
    solution: 'Give https://<bucket>.<OBS endpoint>/<directory>, obs://<bucket>/<directory> or /<bucket>/<directory>/.',
  });
}

function invalid(field: string, rule: string, value: string): Failure {
  return new Failure({
    code: 'ModelArts.3037',
    status: 400,
    message: `Parameter [${field}] ${rule}; it is "${value.slice(0, 100)}".`,
  });
}
