import type { NotebookSpec } from './notebook.model.ts';
import { refuse } from './notebook.request.ts';

const GB = 1024 ** 3;
const LARGEST_GB = 4096;
const LARGEST_STEP_GB = 100;
/** Sizes by category where none is given, in GB (behaviour/notebooks.md 1). */
const DEFAULT_GB = { EVS: 5, EFS: 50 };
const MOST_DATA_VOLUMES = 10;

export interface RawVolume {
  category?: string | null;
  ownership?: string | null;
  capacity?: number | null;
  uri?: string | null;
  id?: string | null;
  mount_path?: string | null;
  read_only?: boolean | null;
}

/** A shared directory that a request names. */
export interface AskedShare {
  uri: string;
  id: string | undefined;
  readOnly: boolean;
}

export type AskedVolume =
  | { category: 'EVS' | 'EFS'; bytes: number; share?: undefined }
  | { category: 'EFS'; share: AskedShare };

/** Kind and size, in bytes, of the volume that a request asks for, or the shared directory that it names. */
export function checkVolume(volume: RawVolume | undefined): AskedVolume {
  if (!volume?.category) throw refuse('6316', 'Parameter [volume.category] is required: EVS or EFS.');
  const category = volumeCategory(volume.category, 'volume');
  if (isDedicated(volume.ownership, 'volume')) {
    if (category !== 'EFS') {
      throw refuse(
        '6336',
        'Parameter [volume.ownership] is DEDICATED, which is for shared directories: category EFS. Storage of category EVS is MANAGED.',
      );
    }
    return { category, share: askedShare(volume, 'volume') };
  }
  const size = volume.capacity ?? DEFAULT_GB[category];
  if (!Number.isInteger(size) || size < DEFAULT_GB.EVS || size > LARGEST_GB) {
    throw refuse('6331', `Parameter [volume.capacity] should be a whole number of GB from 5 to ${LARGEST_GB}.`);
  }
  return { category, bytes: size * GB };
}

/** Shared directories that a request wants at places right below /data. */
export function checkDataVolumes(volumes: readonly RawVolume[]): { name: string; share: AskedShare }[] {
  if (volumes.length > MOST_DATA_VOLUMES) {
    throw refuse('6336', `Parameter [data_volumes] should hold at most ${MOST_DATA_VOLUMES} volumes.`);
  }
  const found = volumes.map((volume, index) => {
    const field = `data_volumes[${index}]`;
    if (!volume.category) throw refuse('6316', `Parameter [${field}.category] is required: EFS.`);
    if (volumeCategory(volume.category, field) !== 'EFS' || !isDedicated(volume.ownership ?? 'DEDICATED', field)) {
      throw refuse(
        '6336',
        `Parameter [${field}]: only shared directories (category EFS, ownership DEDICATED) are mounted at creation.`,
        'Mount object storage once the instance runs: POST …/notebooks/{instance_id}/storage.',
      );
    }
    return { name: dataName(volume.mount_path, `${field}.mount_path`), share: askedShare(volume, field) };
  });
  const twice = found.find(({ name }, index) => found.some((other, at) => at < index && other.name === name));
  if (twice) throw refuse('6336', `Parameter [data_volumes] names the place /data/${twice.name}/ twice.`);
  return found;
}

/** The directory right below /data that a request names. Throws Failure 6335, 6336. */
export function dataName(path: string | null | undefined, field: string): string {
  if (!path) throw refuse('6335', `Parameter [${field}] is required, such as /data/x/.`);
  const name = /^\/data\/([A-Za-z0-9_][A-Za-z0-9._-]{0,63})\/?$/.exec(path)?.[1];
  if (name !== undefined) return name;
  throw refuse(
    '6336',
    `Parameter [${field}] should be one directory right below /data, such as /data/x/: 1 to 64 letters, digits, dots, hyphens and underscores, not beginning with a dot or hyphen.`,
  );
}

function volumeCategory(category: string, field: string): 'EVS' | 'EFS' {
  const named = category.toUpperCase();
  if (named === 'EVS') return 'EVS';
  if (named === 'EFS' || named === 'SFS') return 'EFS';
  throw refuse('6336', `Parameter [${field}.category] is "${category.slice(0, 50)}"; allowed: EVS, EFS, SFS.`);
}

function isDedicated(ownership: string | null | undefined, field: string): boolean {
  const named = (ownership ?? 'MANAGED').toUpperCase();
  if (named === 'MANAGED' || named === 'DEDICATED') return named === 'DEDICATED';
  throw refuse('6336', `Parameter [${field}.ownership] is "${named.slice(0, 50)}"; allowed: MANAGED, DEDICATED.`);
}

function askedShare(volume: RawVolume, field: string): AskedShare {
  if (!volume.uri)
    throw refuse('6317', `Parameter [${field}.uri] is required: a shared directory, such as team:/data.`);
  return { uri: volume.uri, id: volume.id || undefined, readOnly: volume.read_only === true };
}

/** The size that a growth asks for, in bytes. Volumes never shrink, and grow by at most 100 GB at a time. */
export function checkGrowth(volume: NotebookSpec['volume'], presentBytes: number, size: number): number {
  const present = presentBytes / GB;
  if (volume.category !== 'EVS')
    throw refuse('6331', 'Parameter [storage_new_size]: only storage of category EVS can grow.');
  if (!Number.isInteger(size) || size <= present || size > LARGEST_GB) {
    throw refuse(
      '6331',
      `Parameter [storage_new_size] should be a whole number of GB, more than the present ${present} and at most ${LARGEST_GB}.`,
    );
  }
  if (size - present > LARGEST_STEP_GB) {
    throw refuse('6331', `Parameter [storage_new_size]: storage grows by at most ${LARGEST_STEP_GB} GB at a time.`);
  }
  return size * GB;
}
