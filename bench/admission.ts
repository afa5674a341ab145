import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Admission, admissionMigrations, createAdmission, type WorkloadRequest } from '../src/admission/index.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { silentLog } from '../src/kernel/log.ts';
import { migrate, openSqlite } from '../src/store-kit/index.ts';
import { type Figure, median, type Report } from './report.ts';

const GIB = 1024 ** 3;
const NODES = 100;
const QUEUED = 10_000;
const LENGTHS = [100, 1_000, 10_000];
/** Callers at once: each has its next change on disk before it makes another. */
const CALLERS = 64;
const EVENTS = 400;
const DURABLE_EVENTS = 80;
const ROUNDS = 5;
const FLAVORS = [1, 2, 4, 8];

/**
 * Decisions per second of one admission on 100 nodes, every one of them on disk: 10,000 jobs are queued, and run and end until none is
 * left. And what one end costs, with the start it makes possible, as the queue grows. The physical limit are bare SQLite transactions
 * that write the same rows.
 */
export async function benchAdmission(): Promise<Report> {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-bench-admission-'));
  try {
    const through = await throughput(join(dir, 'through.db'));
    const costs = new Map<number, number[]>(LENGTHS.map(length => [length, []]));
    const queues = new Map<number, Admission>();
    // In memory: what is asked is what a decision costs, and a disk would drown it.
    for (const length of LENGTHS) queues.set(length, await filled(':memory:', length));
    const durable = await filled(join(dir, 'durable.db'), QUEUED);
    const limit = bareDatabase(join(dir, 'bare.db'));
    const onDisk: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const [length, admission] of queues) costs.get(length)!.push(await turnover(admission, EVENTS));
      onDisk.push(await turnover(durable, DURABLE_EVENTS));
      bare.push(limit.cost(DURABLE_EVENTS));
    }
    limit.close();
    const cost = (length: number) => median(costs.get(length)!);
    const figures: Figure[] = [
      {
        what: `Decisions with ${QUEUED.toLocaleString('en')} queued on ${NODES} nodes`,
        value: through.rate,
        unit: '/s',
        peer: { name: 'bare transactions, as many together', value: through.bare },
        ratio: through.rate / through.bare,
        target: '>= 2,000 /s',
      },
      {
        what: 'One job in and one out, 10,000 queued, durable',
        value: median(onDisk),
        unit: 'µs',
        peer: { name: 'two bare transactions', value: median(bare) },
        ratio: median(onDisk.map((ours, round) => bare[round]! / ours)),
      },
      ...LENGTHS.map(length => ({
        what: `The same without a disk, ${length.toLocaleString('en')} queued`,
        value: cost(length),
        unit: 'µs',
      })),
      {
        what: 'That with 10,000 queued over that with 100',
        value: median(costs.get(10_000)!.map((long, round) => long / costs.get(100)![round]!)),
        unit: '×',
        target: '<= 1.5 ×',
      },
    ];
    return { bench: 'admission', figures };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Decisions: every job is decided on when it comes, when it starts, and when it goes. */
async function throughput(file: string): Promise<{ rate: number; bare: number }> {
  const { admission, close } = await open(file);
  const ready: string[] = [];
  let started = 0;
  admission.onAdmitted('training-job', id => {
    ready.push(id);
    started += 1;
  });
  const begin = performance.now();
  let next = 0;
  await callers(async () => {
    const at = next++;
    if (at >= QUEUED) return false;
    await admission.submit(job(`job-${at}`, FLAVORS[at % FLAVORS.length]!));
    return true;
  });
  await callers(async () => {
    const id = ready.shift();
    if (id === undefined) return started < QUEUED;
    await admission.release(id);
    return ready.length > 0 || started < QUEUED;
  });
  const seconds = (performance.now() - begin) / 1000;
  await close();
  const limit = bareDatabase(`${file}.bare`);
  const bare = limit.together(QUEUED, CALLERS);
  limit.close();
  return { rate: (QUEUED * 3) / seconds, bare };
}

let serial = 0;

/** Microseconds of a job that comes, and one that ends with the start this makes possible: the queue stays as long as it is. */
async function turnover(admission: Admission, events: number): Promise<number> {
  const running = (await admission.workloads('pool', { state: 'admitted' })).map(view => view.id);
  const started = performance.now();
  for (let at = 0; at < events; at++) {
    await admission.submit(job(`more-${serial++}`, 1));
    await admission.release(running[at]!);
  }
  return ((performance.now() - started) * 1000) / events;
}

async function callers(step: () => Promise<boolean>): Promise<void> {
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (await step()) await Promise.resolve();
    }),
  );
}

/** All nodes taken by jobs of one accelerator, and so many queued of four sizes. */
async function filled(file: string, length: number): Promise<Admission> {
  const { admission } = await open(file);
  await Promise.all(Array.from({ length: NODES * 8 }, (_, at) => admission.submit(job(`runs-${at}`, 1))));
  await Promise.all(
    Array.from({ length }, (_, at) =>
      admission.submit(job(`queued-${at}`, at < length / 2 ? 1 : FLAVORS[at % FLAVORS.length]!)),
    ),
  );
  return admission;
}

async function open(file: string): Promise<{ admission: Admission; close(): Promise<void> }> {
  const db = openSqlite(file);
  await migrate(db, admissionMigrations, 0);
  const capacity = { vcpus: NODES * 64, memoryBytes: NODES * 256 * GIB, gpus: NODES * 8 };
  const admission = createAdmission({ db, clock: systemClock, log: silentLog(), capacity });
  const node = { capacity: { vcpus: 64, memoryBytes: 256 * GIB, gpus: 8 }, schedulable: true };
  await admission.setPool(
    'pool',
    Array.from({ length: NODES }, (_, at) => ({ name: `node-${at}`, ...node })),
  );
  return { admission, close: () => db.destroy() };
}

function job(id: string, gpus: number): WorkloadRequest {
  return {
    id,
    kind: 'training-job',
    name: id,
    accountId: `account-${id.length % 7}`,
    projectId: 'project',
    pool: 'pool',
    vcpus: gpus * 8,
    memoryBytes: gpus * 32 * GIB,
    gpus,
  };
}

/** The rows of workloads, written by prepared statements and nothing else. */
function bareDatabase(file: string) {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE workloads (id TEXT PRIMARY KEY, kind TEXT, name TEXT, account_id TEXT, project_id TEXT, pool TEXT, vcpus REAL,
      memory_bytes INTEGER, gpus REAL, sequence INTEGER, submitted_at INTEGER, admitted_at INTEGER, nodes TEXT)`);
  const insert = db.prepare(
    `INSERT INTO workloads VALUES (?, 'training-job', ?, 'account', 'project', 'pool', 8, 1, 1, ?, 1, NULL, NULL)`,
  );
  const admit = db.prepare(`UPDATE workloads SET admitted_at = 1, nodes = '["node-1"]' WHERE id = ?`);
  const remove = db.prepare('DELETE FROM workloads WHERE id = ?');
  let serial = 0;
  const transaction = (work: () => void) => {
    db.exec('BEGIN');
    work();
    db.exec('COMMIT');
  };
  const add = () => {
    serial += 1;
    insert.run(`job-${serial}`, `job-${serial}`, serial);
  };
  return {
    /** Microseconds of a submission and a release with the admission it makes possible, each in a transaction. */
    cost(events: number): number {
      const first = serial;
      transaction(() => {
        for (let at = 0; at < events; at++) add();
      });
      const started = performance.now();
      for (let at = 1; at <= events; at++) {
        transaction(add);
        transaction(() => {
          remove.run(`job-${first + at}`);
          admit.run(`job-${first + events + at}`);
        });
      }
      return ((performance.now() - started) * 1000) / events;
    },
    /** Rows written per second: each job's three, so many in a transaction. */
    together(jobs: number, many: number): number {
      const first = serial;
      const started = performance.now();
      for (let at = 0; at < jobs; at += many) {
        transaction(() => {
          for (let each = 0; each < many; each++) add();
        });
      }
      for (let at = 1; at <= serial - first; at += many) {
        transaction(() => {
          for (let each = at; each < at + many; each++) {
            admit.run(`job-${first + each}`);
            remove.run(`job-${first + each}`);
          }
        });
      }
      return ((serial - first) * 3) / ((performance.now() - started) / 1000);
    },
    close: () => db.close(),
  };
}
