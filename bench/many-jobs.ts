import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { homePaths } from '../src/app/home.ts';
import { uuid } from '../src/kernel/ids.ts';
import type { Installation } from '../test/e2e/installation.ts';
import { authorize, ended, submitScript } from '../test/e2e/jobs.ts';

const NAMES = ['resnet50', 'bert-base', 'mnist', 'yolo-v5', 'unet', 'gpt-small', 'recommender', 'fraud-tree'];
const STAGES = ['nightly', 'sweep', 'baseline', 'ablation', 'final', 'debug'];
const DAY_MS = 86_400_000;

/** Of a hundred jobs; most have ended well, few live. */
const PHASES: [phase: string, secondary: string, share: number][] = [
  ['Completed', 'Completed', 68],
  ['Failed', 'Failed', 18],
  ['Terminated', 'Terminated', 9],
  ['Abnormal', 'Lost', 2],
  ['Running', 'Running', 1],
  ['Pending', 'Queuing', 2],
];

/**
 * Fills a platform with `count` jobs over a year: copies of one real job with names, phases and times of their own, written to
 * the database while the server is stopped. Nothing is due for them, so that no reconciler takes them up. Returns some ids.
 */
export async function fillWithJobs(at: Installation, count: number): Promise<string[]> {
  await authorize(at);
  const job = await submitScript(at, {
    name: 'original',
    bucket: 'bench-jobs',
    script: 'print("hello")',
    outputs: [{ name: 'train_url', url: '/bench-jobs/out/' }],
    parameters: { epochs: '10', batch_size: '64', learning_rate: '0.001' },
    environments: { NCCL_DEBUG: 'INFO' },
  });
  await at.client.terminateJob(job.metadata.id).catch(() => undefined); // it may have ended already
  await ended(at, job.metadata.id);
  await at.stop();

  const db = new DatabaseSync(homePaths(at.home).database);
  const original = db.prepare('SELECT * FROM training_jobs WHERE id = ?').get(job.metadata.id) as Record<
    string,
    SQLInputValue
  >;
  const columns = Object.keys(original);
  const insert = db.prepare(
    `INSERT INTO training_jobs (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  );
  const phases = PHASES.flatMap(([phase, secondary, share]) => Array.from({ length: share }, () => [phase, secondary]));
  const year = Date.now() - 365 * DAY_MS;
  const ids: string[] = [];
  db.exec('BEGIN');
  for (let index = 0; index < count; index++) {
    // A step through the hundred that visits all, and not in the rhythm of the names.
    const [phase, secondary] = phases[(index * 37) % 100]!;
    const id = uuid();
    const row = {
      ...original,
      id,
      name: `${NAMES[index % NAMES.length]}-${STAGES[Math.floor(index / 11) % STAGES.length]}-${index}`,
      phase: phase!,
      secondary_phase: secondary!,
      created_at: Math.round(year + (index / count) * 365 * DAY_MS),
    } as Record<string, SQLInputValue>;
    insert.run(...columns.map(column => row[column]!));
    if (index % Math.ceil(count / 100) === 0) ids.push(id);
  }
  db.exec('COMMIT');
  db.close();
  await at.start();
  return ids;
}

/** A search as the console sends them: part of a name, phases, order and page; another one for each index. */
export function searchBody(index: number): string {
  const word = index % 3 === 0 ? STAGES[index % STAGES.length] : NAMES[index % NAMES.length];
  const phases = [['Completed'], ['Failed', 'Terminated'], ['Running', 'Pending'], ['Failed']][index % 4]!;
  return JSON.stringify({
    offset: index % 5,
    limit: 10,
    sort_by: index % 2 === 0 ? 'create_time' : 'name',
    order: index % 4 < 2 ? 'desc' : 'asc',
    filters: [
      { key: 'name', operator: 'like', value: [word] },
      { key: 'phase', operator: 'in', value: phases },
    ],
  });
}
