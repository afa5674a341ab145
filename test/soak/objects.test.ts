import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { crashRun } from '../../src/resources/objects/crash.fixture.ts';
import { seedOf } from '../../src/resources/objects/random.fixture.ts';

/** ATELIER_KILLS=… for another number. */
const KILLS = Number(process.env.ATELIER_KILLS ?? 300);

it(`the object store under load, killed ${KILLS} times`, { timeout: KILLS * 20_000 + 60_000 }, async t => {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-soak-'));
  try {
    const result = await crashRun({ dir, kills: KILLS, seed: seedOf('objects, kill -9') });
    t.diagnostic(JSON.stringify(result));
    assert.ok(result.lost > KILLS / 2, 'kills met too few operations under way');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
