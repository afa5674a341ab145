import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PoolNode, WorkloadRequest } from './index.ts';
import { job, node, world } from './test-world.ts';

/** What happens, one after the other; what is asserted is how it stands in the end. */
interface Case {
  name: string;
  nodes: PoolNode[];
  /** A request is submitted, a string is released. */
  events: (WorkloadRequest | string)[];
  /** Admitted ones by their nodes, those that shall make way. */
  admitted: Record<string, string>;
  queued?: Record<string, RegExp>;
  preempted?: Record<string, string>;
}

const MINUTE = 60_000;
const two = [node('node-1'), node('node-2')];

const cases: Case[] = [
  {
    name: 'a gang starts with all its tasks, spread over the nodes',
    nodes: two,
    events: [job('gang', 4, { tasks: 3 })],
    admitted: { gang: 'node-1,node-2,node-1' },
  },
  {
    name: 'a gang that does not fit wholly does not start at all',
    nodes: two,
    events: [job('one', 5), job('gang', 8, { tasks: 2 })],
    admitted: { one: 'node-1' },
    queued: { gang: /^InsufficientGpu 0 .*16 accelerators \(11 free\); held by one/ },
  },
  {
    name: 'a task is wholly on one node: eight wanted, four free on each',
    nodes: two,
    events: [job('one', 4), job('two', 4, { avoidNodes: ['node-1'] }), job('big', 8)],
    admitted: { one: 'node-1', two: 'node-2' },
    queued: {
      big: /^Fragmented 0 .*8 accelerators on one node: largest free block 4 on node-1, 8 free in all; held by one and two/,
    },
  },
  {
    name: 'single tasks fill the fullest node, so that a whole one stays free',
    nodes: two,
    events: [job('one', 2), job('two', 2), job('big', 8)],
    admitted: { one: 'node-1', two: 'node-1', big: 'node-2' },
  },
  {
    name: 'work without accelerators keeps off the nodes that have some',
    nodes: [node('gpu'), node('cpu', 0)],
    events: [job('plain', 0)],
    admitted: { plain: 'cpu' },
  },
  {
    name: 'a higher priority goes first, a re-issued one before all',
    nodes: [node('node-1')],
    events: [
      job('runs', 8),
      job('low', 8),
      job('high', 8, { priority: 3 }),
      job('again', 8, { reissued: true }),
      'runs',
    ],
    admitted: { again: 'node-1' },
    queued: { high: /^InsufficientGpu 0/, low: /^BehindOthers 1 .*the first, high/ },
  },
  {
    name: 'priority counts in dedicated pools alone',
    nodes: [],
    events: [
      job('runs', 32, { pool: 'public' }),
      job('first', 32, { pool: 'public' }),
      job('high', 32, { pool: 'public', priority: 3 }),
      'runs',
    ],
    admitted: { first: 'public' },
    queued: { high: /^InsufficientGpu 0/ },
  },
  {
    name: 'a later one without a known end does not pass the head',
    nodes: [node('node-1')],
    events: [job('runs', 4), job('big', 8), job('small', 1)],
    admitted: { runs: 'node-1' },
    queued: { big: /^InsufficientGpu 0/, small: /^BehindOthers 1 1 workload ahead/ },
  },
  {
    name: 'a later one passes that has ended before the head can start',
    nodes: [node('node-1')],
    events: [
      job('runs', 4, { endsWithinMs: 60 * MINUTE }),
      job('big', 8),
      job('short', 1, { endsWithinMs: 30 * MINUTE }),
      job('long', 1, { endsWithinMs: 90 * MINUTE }),
    ],
    admitted: { runs: 'node-1', short: 'node-1' },
    queued: { big: /^InsufficientGpu 0/, long: /^BehindOthers 1/ },
  },
  {
    name: 'a later one passes on a node that the head can never use',
    nodes: [node('gpu'), node('cpu', 0)],
    events: [job('runs', 4), job('big', 8), job('plain', 0)],
    admitted: { runs: 'gpu', plain: 'cpu' },
    queued: { big: /^InsufficientGpu 0/ },
  },
  {
    name: 'a later one passes that leaves all the head could use',
    nodes: [node('node-1')],
    events: [job('runs', 4), job('big', 8, { vcpus: 4 }), job('plain', 0, { vcpus: 2 }), job('more', 0, { vcpus: 2 })],
    admitted: { runs: 'node-1', plain: 'node-1' },
    queued: { big: /^InsufficientGpu 0/, more: /^BehindOthers 1/ },
  },
  {
    name: 'a later one passes that leaves enough at the time the head is sure to start',
    nodes: two,
    events: [
      job('a', 6, { endsWithinMs: 60 * MINUTE }),
      job('b', 6, { endsWithinMs: 30 * MINUTE, avoidNodes: ['node-1'] }),
      job('big', 8),
      job('small', 1, { avoidNodes: ['node-2'] }),
      job('bad', 1, { avoidNodes: ['node-1'] }),
    ],
    admitted: { a: 'node-1', b: 'node-2', small: 'node-1' },
    queued: { big: /^InsufficientGpu 0|^Fragmented 0/, bad: /^BehindOthers 1/ },
  },
  {
    name: 'what the pool could never run holds nobody back',
    nodes: [node('node-1')],
    events: [job('giant', 9), job('small', 1)],
    admitted: { small: 'node-1' },
    queued: { giant: /^ExceedsPool -1 The pool pool has .*8 accelerators in all, .*9 accelerators are needed/ },
  },
  {
    name: 'the youngest preemptible of lower priority makes way, and no more than one',
    nodes: [node('node-1')],
    events: [
      job('old', 4, { preemptible: true }),
      job('young', 4, { preemptible: true }),
      job('high', 4, { priority: 2 }),
    ],
    admitted: { old: 'node-1', young: 'node-1' },
    preempted: { young: 'high' },
    queued: { high: /^Preempting 0 .*young makes way for it/ },
  },
  {
    name: 'as few as possible make way, even if they are older',
    nodes: [node('node-1')],
    events: [
      job('big', 6, { preemptible: true }),
      job('small', 1, { preemptible: true }),
      job('tiny', 1, { preemptible: true }),
      job('high', 6, { priority: 3 }),
    ],
    admitted: { big: 'node-1', small: 'node-1', tiny: 'node-1' },
    preempted: { big: 'high' },
    queued: { high: /^Preempting 0/ },
  },
  {
    name: 'nobody makes way for an equal, for one that would still not fit, or unless it may be told to',
    nodes: [node('node-1')],
    events: [
      job('firm', 4),
      job('soft', 4, { preemptible: true, priority: 2 }),
      job('equal', 4, { priority: 2 }),
      job('whole', 8, { priority: 3 }),
    ],
    admitted: { firm: 'node-1', soft: 'node-1' },
    queued: { whole: /^InsufficientGpu 0/, equal: /^BehindOthers 1/ },
  },
  {
    name: 'what makes way is free only when it is released, and goes to the one it made way for',
    nodes: [node('node-1')],
    events: [job('low', 8, { preemptible: true }), job('high', 8, { priority: 3 }), job('next', 1), 'low'],
    admitted: { high: 'node-1' },
    queued: { next: /^InsufficientGpu 0/ },
  },
  {
    name: 'a drained node takes no tasks',
    nodes: [node('node-1', 8, false), node('node-2')],
    events: [job('one', 8), job('two', 8)],
    admitted: { one: 'node-2' },
    queued: { two: /^NodesUnavailable 0 .*node-1 takes no tasks.*; held by one/ },
  },
  {
    name: 'nodes that failed it are avoided, and told when nothing else is left',
    nodes: [node('node-1')],
    events: [job('again', 1, { avoidNodes: ['node-1'], reissued: true }), job('other', 1)],
    admitted: { other: 'node-1' },
    queued: { again: /^ExceedsPool -1 .*nodes have room for 0 of 1 tasks/ },
  },
  {
    name: 'names of other accounts are not told',
    nodes: [node('node-1')],
    events: [job('secret', 8, { accountId: 'b' }), job('mine', 8), job('theirs', 8, { accountId: 'b' })],
    admitted: { secret: 'node-1' },
    queued: {
      mine: /^InsufficientGpu 0 (?!.*secret).*held by another account's/,
      theirs: /^BehindOthers 1 (?!.*mine).*another account's/,
    },
  },
];

describe('decisions of a dedicated pool', () => {
  for (const each of cases) {
    it(each.name, async () => {
      const { admission, clock } = await world();
      await admission.setPool('pool', each.nodes);
      for (const event of each.events) {
        if (typeof event === 'string') await admission.release(event);
        else await admission.submit(event);
        clock.advance(1);
      }
      const views = await admission.workloads();
      const of = (state: 'queued' | 'admitted') => views.filter(view => view.state === state);
      assert.deepEqual(Object.fromEntries(of('admitted').map(view => [view.id, view.nodes!.join()])), each.admitted);
      assert.deepEqual(
        Object.fromEntries(of('admitted').flatMap(view => (view.preempted ? [[view.id, view.preempted.by]] : []))),
        each.preempted ?? {},
      );
      assert.deepEqual(
        of('queued')
          .map(view => view.id)
          .sort(),
        Object.keys(each.queued ?? {}).sort(),
      );
      for (const view of of('queued')) {
        assert.match(`${view.reasonCode} ${view.position} ${view.reason}`, each.queued![view.id]!, view.id);
      }
    });
  }
});
