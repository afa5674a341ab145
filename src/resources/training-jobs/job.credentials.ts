import { chmod, chown, mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { JOB_OWNER } from './job.container.ts';
import type { Job } from './job.model.ts';
import type { AgencyCredential, TrainingDeps } from './job.ports.ts';

/** Sessions of the jobs' agencies, one per job, renewed when half their life is over. */
export class AgencySessions {
  readonly #sessions = new Map<string, { credential: AgencyCredential; renewAt: number }>();
  readonly #iam: TrainingDeps['iam'];
  readonly #clock: Clock;
  readonly #seconds: number;

  constructor(iam: TrainingDeps['iam'], clock: Clock, seconds: number) {
    this.#iam = iam;
    this.#clock = clock;
    this.#seconds = seconds;
  }

  /** A credential good for at least half its life. Throws the Failure of a missing agency. */
  async of(job: Job): Promise<AgencyCredential> {
    const held = this.#sessions.get(job.id);
    const now = this.#clock.now();
    if (held && now < held.renewAt) return held.credential;
    const credential = await this.#iam.assumeAgency({
      accountId: job.accountId,
      agencyName: job.agency,
      projectId: job.projectId,
      durationSeconds: this.#seconds,
      onBehalfOf: { id: job.userId, name: job.userName },
    });
    this.#sessions.set(job.id, { credential, renewAt: now + (credential.expiresAt - now) / 2 });
    return credential;
  }

  forget(jobId: string): void {
    this.#sessions.delete(jobId);
  }
}

/** True where files can be given to the job's user. */
export const canChown = process.geteuid?.() === 0;

/** Makes a directory that belongs to the job's user. */
export async function ownedDirectory(path: string, mode = 0o755): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, mode);
  if (canChown) await chown(path, JOB_OWNER.uid, JOB_OWNER.gid);
}

/** Replaces `name` in `dir` at once, readable by the job's user alone. The directory is not the job's to write in. */
export async function writeForJob(dir: string, name: string, content: string): Promise<void> {
  const temporary = join(dir, `.${name}.new`);
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(content);
    if (canChown) await file.chown(JOB_OWNER.uid, JOB_OWNER.gid);
  } finally {
    await file.close();
  }
  await rename(temporary, join(dir, name));
}

/** The file behind MA_CREDENTIALS_FILE, rewritten before the credential in it expires. */
export async function writeCredentials(dir: string, credential: AgencyCredential): Promise<void> {
  await writeForJob(
    dir,
    'credentials.json',
    `${JSON.stringify({
      access: credential.access,
      secret: credential.secret,
      securitytoken: credential.securityToken,
      expires_at: new Date(credential.expiresAt).toISOString(),
    })}\n`,
  );
}
