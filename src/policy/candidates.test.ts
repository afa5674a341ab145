import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Candidates } from './candidates.ts';
import { compilePolicies } from './compile.ts';
import { parsePolicy } from './policy.ts';
import { targetOf } from './resource.ts';

const COUNT = 1000;
const action = { service: 'obs', resourceType: 'object' };

/** The first of many statements that applies, and how many of them were asked. */
function look(
  of: (i: number) => Record<string, unknown>,
  request: { resource?: string; context?: Record<string, unknown> },
) {
  const document = {
    Version: '1.1',
    Statement: Array.from({ length: COUNT }, (_, i) => ({ Effect: 'Allow', Action: 'obs:object:get', ...of(i) })),
  };
  const { policy } = parsePolicy(document, { kind: 'system' });
  const { statements } = compilePolicies([{ name: 'p', policy }]);
  let asked = 0;
  const counting = statements.map(statement => ({
    ...statement,
    applies: (...args: Parameters<typeof statement.applies>) => {
      asked++;
      return statement.applies(...args);
    },
  }));
  const found = new Candidates(counting).first(targetOf(request.resource, action), request.context ?? {});
  return { found: found?.index, asked };
}

const OWN_NAME = `\${g:UserName}`;

describe(`of ${COUNT} statements for one action, only those are asked that the request can meet`, () => {
  const user = (name: unknown) => ({ context: { 'g:UserName': name } });

  it('by the value of a condition', () => {
    const named = (i: number) => ({ Condition: { StringEquals: { 'g:UserName': [`u${i}`, `v${i}`] } } });
    assert.deepEqual(look(named, user('v700')), { found: 700, asked: 1 });
    assert.deepEqual(look(named, user('nobody')), { found: undefined, asked: 0 });
    assert.deepEqual(look(named, {}), { found: undefined, asked: 0 });
    // Of several values the one of the earlier statement decides.
    assert.deepEqual(look(named, user(['u900', 'v300', 'u301'])), { found: 300, asked: 2 });
  });
  it('by the bucket of a resource', () => {
    const bucket = (i: number) => ({ Resource: [`obs:*:*:object:b${i}/*`, `obs:*:*:object:c${i}/${OWN_NAME}/*`] });
    assert.deepEqual(look(bucket, { resource: 'obs:r:acc:object:b500/x' }), { found: 500, asked: 1 });
    assert.deepEqual(look(bucket, { resource: 'obs:r:acc:object:b500' }), { found: undefined, asked: 1 });
    assert.deepEqual(look(bucket, { resource: 'obs:r:acc:object:c9/ann/x', ...user('ann') }), { found: 9, asked: 1 });
  });
  it('by whichever of several requirements is the rarer', () => {
    const both = (i: number) => ({
      Resource: `obs:*:*:object:b${i}/*`,
      Condition: { StringEquals: { 'modelarts:poolType': 'public', 'g:UserName': `u${i % 10}` } },
    });
    const context = { 'modelarts:poolType': 'public', 'g:UserName': 'u7' };
    assert.deepEqual(look(both, { resource: 'obs:r:acc:object:b17/x', context }), { found: 17, asked: 1 });
  });
  it('but all of those whose conditions hold for values that cannot be listed', () => {
    for (const operator of ['StringEqualsIfExists', 'ForAllValues:StringEquals', 'StringNotEquals', 'StringLike']) {
      const { asked } = look(i => ({ Condition: { [operator]: { 'x:k': `u${i}` } } }), { context: { 'x:k': [] } });
      assert.ok(asked > 0, operator);
    }
    const open = look(() => ({ Condition: { StringEquals: { 'x:k': ['a', OWN_NAME] } } }), {
      context: { 'x:k': 'zoe', 'g:UserName': 'zoe' },
    });
    assert.deepEqual(open, { found: 0, asked: 1 });
  });
});
