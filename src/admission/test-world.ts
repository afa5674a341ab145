import { manualClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { type Database, migrate, openSqlite } from '../store-kit/index.ts';
import { type Admission, admissionMigrations, createAdmission, type PoolNode, type WorkloadRequest } from './index.ts';

export const GIB = 1024 ** 3;
export const START = Date.UTC(2026, 0, 1);

/** A machine of 32 vCPUs, 128 GiB and 32 accelerators, by whose clock a test goes. */
export async function world(file = ':memory:') {
  const db = openSqlite(file);
  await migrate(db, admissionMigrations, 0);
  const clock = manualClock(START);
  return { db, clock, admission: admissionOf(db, clock), again: () => admissionOf(db, clock) };
}

function admissionOf(db: Database, clock: ReturnType<typeof manualClock>): Admission {
  return createAdmission({ db, clock, log: silentLog(), capacity: { vcpus: 32, memoryBytes: 128 * GIB, gpus: 32 } });
}

/** `vcpus` and accelerators; everything asks for 1 GiB a task. */
export function job(id: string, gpus: number, more: Partial<WorkloadRequest> = {}): WorkloadRequest {
  return {
    id,
    kind: 'training-job',
    name: id,
    accountId: 'a',
    projectId: 'p',
    vcpus: 1,
    memoryBytes: GIB,
    gpus,
    pool: 'pool',
    ...more,
  };
}

/** A node of 8 vCPUs, 16 GiB and so many accelerators. */
export function node(name: string, gpus = 8, schedulable = true): PoolNode {
  return { name, capacity: { vcpus: 8, memoryBytes: 16 * GIB, gpus }, schedulable };
}
