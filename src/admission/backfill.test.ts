import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addTo, type Demand, tasksIn } from './demand.ts';
import { type Entry, entryOf } from './entry.ts';
import { emptyNode, free } from './nodes.ts';
import { Pool } from './pool.ts';
import { Quotas } from './quotas.ts';

interface Job {
  arrives: number;
  tasks: number;
  vcpus: number;
  gpus: number;
  /** How long it really runs, and whether it says so. */
  runs: number;
  declares: boolean;
  priority: 1 | 2 | 3;
  reissued: boolean;
}

const jobs = fc.array(
  fc.record<Job>({
    arrives: fc.integer({ min: 0, max: 30 }),
    tasks: fc.integer({ min: 1, max: 3 }),
    vcpus: fc.integer({ min: 1, max: 8 }),
    gpus: fc.integer({ min: 0, max: 4 }),
    runs: fc.integer({ min: 1, max: 40 }),
    declares: fc.boolean(),
    priority: fc.constantFrom(1, 1, 1, 2, 3),
    reissued: fc.constantFrom(false, false, false, true),
  }),
  { minLength: 8, maxLength: 40 },
);
const shares = fc.array(fc.record({ vcpus: fc.integer({ min: 4, max: 12 }), gpus: fc.integer({ min: 0, max: 4 }) }), {
  minLength: 1,
  maxLength: 4,
});

interface Outcome {
  passed: number;
  started: number;
}

/**
 * Runs jobs through a pool, each as long as `runs` says. Whenever a job has become the head, it is worked out when it would start were
 * nobody let past any more; it must not start later, unless one that goes before it has come.
 * `early`: declared jobs end before their bound; then the bound is what counts.
 */
function simulate(nodes: readonly { vcpus: number; gpus: number }[], list: readonly Job[], early: boolean): Outcome {
  const pool = new Pool('pool');
  pool.defined = true;
  for (const [at, share] of nodes.entries())
    pool.nodes.set(`node-${at}`, emptyNode(`node-${at}`, { ...share, memoryBytes: 0 }));
  const quotas = new Quotas();
  const ends = new Map<Entry, { real: number; counted: number }>();
  const real = new Map<Entry, Job>();
  const outcome = { passed: 0, started: 0 };
  let waiting: { head: Entry; by: number } | undefined;
  const arrivals = [...list].sort((a, b) => a.arrives - b.arrives);

  for (let now = 0; now < 5_000; now++) {
    for (const [entry, { real: at }] of ends) {
      if (at > now) continue;
      ends.delete(entry);
      pool.remove(entry);
    }
    while (arrivals[0] && arrivals[0].arrives <= now) {
      const job = arrivals.shift()!;
      const entry = entryOf(
        {
          id: `job-${real.size}`,
          kind: 'training-job',
          name: 'job',
          accountId: 'a',
          projectId: 'p',
          pool: 'pool',
          memoryBytes: 0,
          vcpus: job.vcpus,
          gpus: job.gpus,
          tasks: job.tasks,
          priority: job.priority,
          reissued: job.reissued,
          ...(job.declares ? { endsWithinMs: early ? job.runs * 2 : job.runs } : {}),
        },
        { sequence: real.size + 1, submittedAt: now },
      );
      real.set(entry, job);
      pool.enqueue(entry);
      if (waiting && entry.order < waiting.head.order) waiting = undefined;
    }
    for (const entry of pool.decide(now, quotas).admitted) {
      const job = real.get(entry)!;
      ends.set(entry, { real: now + job.runs, counted: now + (entry.request.endsWithinMs ?? job.runs) });
      outcome.started += 1;
      if (waiting?.head === entry) {
        assert.ok(now <= waiting.by, `the head starts at ${now}, in order it would have at ${waiting.by}`);
        waiting = undefined;
      } else if (waiting && entry.order > waiting.head.order) {
        outcome.passed += 1;
      }
    }
    for (const node of pool.nodes.values()) {
      const sum: Demand = { vcpus: 0, memoryBytes: 0, gpus: 0 };
      for (const entry of ends.keys()) addTo(sum, entry, entry.nodes!.filter(name => name === node.name).length);
      assert.ok(sum.vcpus <= node.capacity.vcpus && sum.gpus <= node.capacity.gpus, 'more than there is');
      assert.deepEqual(sum, node.used);
    }
    const head = pool.head();
    if (waiting)
      assert.ok(now <= waiting.by, `the head still waits at ${now}, in order it would have started at ${waiting.by}`);
    if (head && waiting?.head !== head) waiting = { head, by: startInOrder(pool, head, now, ends) };
    if (!head && arrivals.length === 0 && ends.size === 0) break;
  }
  for (const entry of real.keys())
    assert.ok(entry.nodes !== undefined || !pool.couldEver(entry), 'nobody is forgotten');
  return outcome;
}

/** When the head starts if nobody else does before. */
function startInOrder(pool: Pool, head: Entry, now: number, ends: ReadonlyMap<Entry, { counted: number }>): number {
  const left = new Map(pool.list().map(node => [node.name, free(node)]));
  const fits = () => [...left.values()].reduce((sum, each) => sum + tasksIn(each, head), 0) >= head.tasks;
  for (const [entry, { counted }] of [...ends].sort(([, a], [, b]) => a.counted - b.counted)) {
    if (fits()) return now;
    now = counted;
    for (const name of entry.nodes!) addTo(left.get(name)!, entry);
  }
  assert.ok(fits());
  return now;
}

describe('backfill', () => {
  it('never delays the head, and never admits more than there is', () => {
    let passed = 0;
    fc.assert(
      fc.property(shares, jobs, (nodes, list) => {
        passed += simulate(nodes, list, false).passed;
      }),
      { numRuns: 600 },
    );
    assert.ok(passed > 100, `only ${passed} were let past a head: the test shows little`);
  });

  it('never delays the head beyond what was declared, when jobs end before', () => {
    fc.assert(
      fc.property(shares, jobs, (nodes, list) => {
        simulate(nodes, list, true);
      }),
      { numRuns: 400 },
    );
  });
});
