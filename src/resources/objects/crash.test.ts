import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { crashRun } from './crash.fixture.ts';
import { seedOf } from './random.fixture.ts';

const KILLS = 12;

it('kill -9 at any moment: no acknowledged write lost, no object torn, nothing back that was deleted, no file left', {
  timeout: 300_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-crash-'));
  try {
    const { counts, lost, ...result } = await crashRun({ dir, kills: KILLS, seed: seedOf('objects, kill -9') });
    assert.equal(result.kills, KILLS);
    const kinds = ['put', 'create', 'get', 'range', 'delete', 'list', 'copy', 'copy-source', 'complete', 'part-copy'];
    for (const kind of kinds) assert.ok(counts[kind]! > 0, `no ${kind} was answered: ${JSON.stringify(counts)}`);
    assert.ok(lost > 0, 'no kill met an operation under way');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
