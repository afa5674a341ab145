import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { allOperations } from './operations.ts';

/** Where the lists of the official SDKs' operations lie, one a line; they are no part of the project. */
const REFERENCE = [
  process.env.ATELIER_REFERENCE,
  ...['..', '../..', '../../..'].map(up => join(import.meta.dirname, '../..', up, 'shared/reference')),
].find(dir => dir && existsSync(join(dir, 'api/modelarts.json')));

/** Of which services operations must be declared, be it to be refused, and which of their paths. */
const PARTS: [file: string, paths: RegExp][] = [
  [
    'modelarts.json',
    /^\/v\d\/\{project_id\}\/(pools|networks|notebooks|images|plugintemplates|nodeconfigtemplates|resourceflavors|scheduled-events|orders|events|quotas|os-user-config|statistics\/pools|metrics\/runtime\/pools)\b/,
  ],
  [
    'modelarts-docs.json',
    /^\/v\d\/\{project_id\}\/(pools|nodes|networks|notebooks|images|plugintemplates|virtualresource\w*|resourceflavors|orders|events|quotas|os-user-config)\b/,
  ],
  ['kps.json', /keypairs|tasks/],
];

const address = (method: string, path: string) => `${method} ${path.replaceAll(/\{[^}]*\}/g, '{}').replace(/\/$/, '')}`;

for (const [file, paths] of PARTS) {
  test(`of ${file}, everything about pools, notebooks, images and key pairs is declared or refused with a reason`, t => {
    if (!REFERENCE) return t.skip('the reference is not at hand');
    const declared = new Set(allOperations.map(op => address(op.method, op.path)));
    const wanted = readFileSync(join(REFERENCE, 'api', file), 'utf8')
      .split('\n')
      .filter(line => line.startsWith('{"op":'))
      .map(line => JSON.parse(line.replace(/,$/, '')) as { op: string; m: string; p: string; old?: number })
      .filter(({ p, old }) => paths.test(p) && !old);
    assert.ok(wanted.length > 15, `${wanted.length} operations were found`);
    const missing = wanted.filter(({ m, p }) => !declared.has(address(m, p)));
    assert.deepEqual(
      missing.map(({ op, m, p }) => `${op} ${m} ${p}`),
      [],
    );
    return undefined;
  });
}
