import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathParameters } from '../wire/operation.ts';
import { allMigrations } from './migrations.ts';
import { allOperations } from './operations.ts';

test('every operation has an id and an address of its own', () => {
  assert.ok(allOperations.length > 50);
  const twice = (names: string[]) => names.filter((name, at) => names.indexOf(name) !== at);
  assert.deepEqual(twice(allOperations.map(op => op.id)), []);
  assert.deepEqual(twice(allOperations.map(op => `${op.method} ${op.path.replaceAll(/\{\w+\}/g, '{}')}`)), []);
});

/** What answers without a credential of its own kind; whoever adds to it has to say here why that is safe. */
const PUBLIC_BELOW_A_PROJECT = [
  'DownloadTrainingJobLog', // its address carries a signature that expires
];

test('every operation says what it does, and under a project asks for an action or says why not', () => {
  for (const op of allOperations) {
    assert.ok(op.summary.length > 3, op.id);
    if (typeof op.action === 'string') assert.match(op.action, /^\w+:\w+:\w+$/, op.id);
    const open = typeof op.action === 'object' && 'public' in op.action;
    if (open && pathParameters(op.path).includes('project_id'))
      assert.ok(PUBLIC_BELOW_A_PROJECT.includes(op.id), op.id);
    if (typeof op.action !== 'object') continue;
    if ('choose' in op.action) for (const action of op.action.actions) assert.match(action, /^\w+:\w+:\w+$/, op.id);
    else assert.ok(Object.values(op.action)[0]!.length > 3, op.id);
  }
});

test('a GET takes no body', () => {
  for (const op of allOperations) if (op.method === 'GET') assert.equal(op.body, undefined, op.id);
});

test('schema steps have ids of their own that sort in the order of creation', () => {
  const ids = allMigrations.map(migration => migration.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^\d{4}-[a-z][a-z0-9-]*$/);
});
