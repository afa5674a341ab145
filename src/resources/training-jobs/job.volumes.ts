import { Failure } from '../../kernel/failure.ts';
import type { Mount } from '../../runtime/driver.ts';
import { type SharedDirectories, type SharedPlace, shownPlace } from '../shared-directories/index.ts';
import type { JobBody } from './job.api.ts';
import type { Job, JobVolume } from './job.model.ts';

/** Names a job among those who use shared directories. */
export const SHARED_HOLDER = 'job-';
const MOST = 8;
/** What is the platform's or the image's, and all below it. */
const RESERVED = /^\/(home\/ma-user\/modelarts|cache|run|proc|sys|dev|etc|usr|bin|sbin|lib|lib64|boot)(\/|$)/;

type RawVolume = NonNullable<NonNullable<NonNullable<JobBody['spec']>['volumes']>[number]>;

function refuse(message: string, solution?: string): Failure {
  return new Failure({
    code: 'ModelArts.2788',
    status: 400,
    message: `InvalidParam: ${message}`,
    ...(solution ? { solution } : {}),
  });
}

/** Where a request wants shared directories (behaviour/training.md 2, volumes). Throws Failure 2788. */
export function checkVolumes(
  volumes: readonly RawVolume[],
): { server: string; localPath: string; readOnly: boolean }[] {
  if (volumes.length > MOST) {
    throw refuse(`parameter [spec.volumes] has ${volumes.length} volumes; at most ${MOST} are allowed.`);
  }
  const found = volumes.map(({ nfs, pfs, obs }, index) => {
    const field = `spec.volumes[${index}]`;
    if (pfs || obs) {
      throw refuse(
        `parameter [${field}] mounts object storage, which jobs have as copies here.`,
        'Give the data as an input or an output.',
      );
    }
    if (!nfs?.nfs_server_path)
      throw refuse(`parameter [${field}.nfs.nfs_server_path] is required, such as team:/data.`);
    const localPath = (nfs.local_path ?? '').replace(/\/+$/, '');
    const steps = localPath.split('/').slice(1);
    const plain = /^\/[\w./+@=-]{1,254}$/.test(localPath) && steps.every(step => !['', '.', '..'].includes(step));
    if (!plain || RESERVED.test(localPath) || localPath === '/home/ma-user' || localPath === '/home') {
      throw refuse(
        `parameter [${field}.nfs.local_path] is "${(nfs.local_path ?? '').slice(0, 100)}"; it must be a directory of the container, but not / nor one of the system, /cache or /home/ma-user/modelarts.`,
        'For example /mnt/data.',
      );
    }
    return { server: nfs.nfs_server_path, localPath, readOnly: nfs.read_only === true };
  });
  for (const [index, { localPath }] of found.entries()) {
    const other = found
      .slice(0, index)
      .find(each => within(each.localPath, localPath) || within(localPath, each.localPath));
    if (other) throw refuse(`parameter [spec.volumes]: ${localPath} and ${other.localPath} lie in each other.`);
  }
  return found;
}

/** The shared directories that a request names, each once. Throws Failure 2788. */
export async function resolveVolumes(
  shared: SharedDirectories,
  account: string,
  volumes: readonly RawVolume[],
): Promise<JobVolume[]> {
  const found: JobVolume[] = [];
  const codes = { form: 'ModelArts.2788', missing: 'ModelArts.2788', path: 'ModelArts.2788' };
  for (const [index, { server, localPath, readOnly }] of checkVolumes(volumes).entries()) {
    const field = { name: `spec.volumes[${index}].nfs.nfs_server_path`, prefix: 'InvalidParam: parameter', codes };
    const place = await shared.resolve(account, server, field, { readOnly });
    if (found.some(other => other.place.name === place.name)) {
      throw refuse(`parameter [spec.volumes] mounts the shared directory ${place.name} twice; each is mounted once.`);
    }
    found.push({ place, localPath });
  }
  return found;
}

/** Makes the shared directories of a job ready, and returns how they are mounted. All its tasks have the same. May be repeated. */
export async function attachVolumes(job: Job, shared: SharedDirectories): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const [index, { place, localPath }] of (job.spec.volumes ?? []).entries()) {
    const source = await shared.attach(SHARED_HOLDER + job.id, index, place);
    mounts.push({ source, target: localPath, readOnly: place.readOnly });
  }
  return mounts;
}

/** As the API shows them. */
export function volumesView(volumes: readonly { place: SharedPlace; localPath: string }[]) {
  return volumes.map(({ place, localPath }) => ({
    nfs: { nfs_server_path: shownPlace(place), local_path: localPath, read_only: place.readOnly },
  }));
}

function within(path: string, dir: string): boolean {
  return path === dir || path.startsWith(`${dir}/`);
}
