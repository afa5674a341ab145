import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Operation, replay, type Value } from './history.fixture.ts';
import { randomOf, seedOf } from './random.fixture.ts';

type Span = [start: number, end: number];
const put = (value: Value, [start, end]: Span): Operation => ({
  name: `put ${value}`,
  start,
  end,
  certain: true,
  wrote: value,
});
const lost = (value: Value, span: Span): Operation => ({ ...put(value, span), certain: false });
const get = (value: Value, [start, end]: Span): Operation => ({
  name: `get ${value}`,
  start,
  end,
  certain: true,
  saw: held => held === value,
});
const create = (value: Value, span: Span): Operation => ({ ...put(value, span), saw: held => held === null });

describe('what a register explains', () => {
  const good: [string, Operation[]][] = [
    ['nothing at all', []],
    ['a read of nothing', [get(null, [1, 2])]],
    ['one after the other', [put('a', [1, 2]), get('a', [3, 4]), put('b', [5, 6]), get('b', [7, 8])]],
    ['either order of two at once', [put('a', [1, 4]), put('b', [2, 3]), get('a', [5, 6])]],
    ['the other order of two at once', [put('a', [1, 4]), put('b', [2, 3]), get('b', [5, 6])]],
    ['a read before the answer to the write', [put('a', [1, 6]), get('a', [2, 3]), get('a', [4, 5])]],
    ['a lost write that happened', [lost('a', [1, 4]), get(null, [2, 3]), get('a', [5, 6])]],
    ['a lost write that did not', [lost('a', [1, 2]), get(null, [3, 4])]],
    ['a lost delete', [put('a', [1, 2]), lost(null, [3, 4]), get('a', [5, 6])]],
    ['two lost writes, the first last', [lost('a', [1, 6]), lost('b', [2, 5]), get('b', [3, 4]), get('a', [7, 8])]],
    ['creating where there is nothing', [create('a', [1, 2]), put(null, [3, 4]), create('b', [5, 6])]],
  ];
  for (const [name, history] of good) it(name, () => assert.equal(replay(history).finding, undefined));

  const bad: [string, Operation[]][] = [
    ['a lost acknowledged write', [put('a', [1, 2]), get(null, [3, 4])]],
    ['an old value', [put('a', [1, 2]), put('b', [3, 4]), get('a', [5, 6])]],
    ['a value nobody wrote', [put('a', [1, 2]), get('c', [3, 4])]],
    ['a deleted value that comes back', [put('a', [1, 2]), put(null, [3, 4]), get('a', [5, 6])]],
    ['a lost write after the death', [lost('a', [1, 2]), get(null, [3, 4]), get('a', [5, 6])]],
    ['a read that goes back', [put('a', [1, 8]), get('a', [2, 3]), get(null, [4, 5])]],
    ['a lost write that comes and goes', [lost('a', [1, 6]), get('a', [2, 3]), get(null, [4, 5])]],
    ['creating what is there', [put('a', [1, 2]), create('b', [3, 4])]],
    ['two that both created', [create('a', [1, 4]), create('b', [2, 3])]],
  ];
  for (const [name, history] of bad) it(`not ${name}`, () => assert.match(replay(history).finding ?? '', /no order/));
});

it('tells what the key may hold at the end', () => {
  assert.deepEqual(replay([put('a', [1, 2]), lost('b', [3, 4])]).values, new Set(['a', 'b']));
  assert.deepEqual(replay([lost(null, [1, 4]), get('a', [2, 3])], ['a', 'b']).values, new Set(['a', null]));
});

describe('the checker', () => {
  const seed = seedOf('history');
  const random = randomOf(seed);

  /** All orders, tried one by one. */
  function explained(operations: readonly Operation[], value: Value): boolean {
    if (!operations.some(operation => operation.certain)) return true;
    const horizon = Math.min(...operations.filter(({ certain }) => certain).map(({ end }) => end));
    return operations.some(operation => {
      if (operation.start > horizon || (operation.saw && !operation.saw(value))) return false;
      // What is over before this one began, and did not happen yet, never did.
      const rest = operations.filter(other => other !== operation && (other.certain || other.end > operation.start));
      return explained(rest, operation.wrote === undefined ? value : operation.wrote);
    });
  }

  it('agrees with trying every order', () => {
    const verdicts = { good: 0, bad: 0 };
    for (let round = 0; round < 3000; round++) {
      const count = 2 + random.below(5);
      const times = random.shuffled(Array.from({ length: count * 2 }, (_, at) => at));
      const operations = Array.from({ length: count }, (_, at): Operation => {
        const span = [times[2 * at]!, times[2 * at + 1]!].sort((a, b) => a - b) as Span;
        const value = random.pick(['a', 'b', null] as const);
        return random.pick([put, put, lost, get, get, create])(value, span);
      });
      const expected = explained(operations, null);
      verdicts[expected ? 'good' : 'bad']++;
      assert.equal(replay(operations).finding === undefined, expected, `seed ${seed}, round ${round}`);
    }
    assert.ok(verdicts.good > 300 && verdicts.bad > 300, JSON.stringify(verdicts));
  });
});
