import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  commonUserPolicies,
  compilePolicies,
  decide,
  findSystemPolicy,
  parsePolicy,
  systemPolicies,
  systemPolicyId,
} from './index.ts';

function allows(displayName: string, action: string): boolean {
  const found = findSystemPolicy(displayName);
  assert.ok(found, displayName);
  const { policy } = parsePolicy(found.document, { kind: 'system' });
  return decide(compilePolicies([{ name: displayName, policy }]), { action }).verdict === 'allow';
}

describe('system-defined policies and roles', () => {
  it('are valid, have unique names, and ids that never change', () => {
    for (const each of systemPolicies) {
      const { policy, warnings } = parsePolicy(each.document, { kind: 'system' });
      assert.deepEqual(warnings, [], each.displayName);
      assert.equal(policy.version, each.kind === 'role' ? '1.0' : '1.1', each.displayName);
      assert.match(each.id, /^[0-9a-f]{32}$/);
      assert.equal(findSystemPolicy(each.id), each);
    }
    const keys = systemPolicies.flatMap(each => [each.id, each.name, each.displayName]);
    assert.equal(new Set(keys).size, keys.length);
    assert.equal(systemPolicyId('ModelArts FullAccess'), findSystemPolicy('ModelArts FullAccess')?.id);
  });

  const expected: [string, string[], string[]][] = [
    ['ModelArts FullAccess', ['modelarts:pool:create', 'modelarts:trainJob:create'], ['obs:object:GetObject']],
    [
      'ModelArts CommonOperations',
      [
        ...['modelarts:trainJob:create', 'modelarts:trainJob:exec', 'modelarts:notebook:start', 'modelarts:pool:list'],
        ...[
          'modelarts:pool:get',
          'modelarts:network:get',
          'modelarts:dataset:createDataset',
          'modelarts:image:register',
        ],
        ...['modelarts:processTask:createWorkforce', 'modelarts:sample:addSamples', 'modelarts:workspace:create'],
      ],
      ['modelarts:pool:create', 'modelarts:pool:update', 'modelarts:pool:delete', 'obs:object:GetObject'],
    ],
    [
      'ModelArts Dependency Access',
      ['obs:object:GetObject', 'swr:repository:getRepository', 'smn:topic:publish', 'iam:tokens:assume'],
      ['modelarts:trainJob:create', 'iam:agencies:createAgency', 'iam:users:createUser'],
    ],
    [
      'Tenant Administrator',
      ['modelarts:pool:create', 'obs:bucket:CreateBucket', 'iam:tokens:assume'],
      ['iam:users:createUser', 'iam:agencies:createAgency'],
    ],
    [
      'Tenant Guest',
      ['obs:bucket:ListBucket', 'modelarts:trainJob:get'],
      ['obs:object:PutObject', 'iam:users:listUsers'],
    ],
    ['Security Administrator', ['iam:users:createUser'], ['obs:bucket:ListBucket']],
    ['OBS Administrator', ['obs:bucket:DeleteBucket', 'obs:object:PutObject'], ['swr:repository:listTags']],
    ['OBS OperateAccess', ['obs:object:PutObject', 'obs:bucket:ListBucket'], ['obs:bucket:CreateBucket']],
    ['OBS ReadOnlyAccess', ['obs:bucket:ListBucket'], ['obs:object:PutObject', 'obs:object:DeleteObject']],
    ['OBS Buckets Viewer', ['obs:bucket:ListAllMyBuckets'], ['obs:bucket:ListBucket']],
    ['SFS Turbo ReadOnlyAccess', ['sfsturbo:shares:getShare'], ['sfsturbo:shares:deleteShare', 'sfs:shares:getShare']],
    ['CES ReadOnlyAccess', ['ces:metricData:list'], ['ces:alarms:create']],
  ];
  for (const [name, yes, no] of expected) {
    it(`${name} allows what it says and no more`, () => {
      for (const action of yes) assert.equal(allows(name, action), true, action);
      for (const action of no) assert.equal(allows(name, action), false, action);
    });
  }

  it('every policy of the preset Common User exists', () => {
    for (const name of commonUserPolicies) assert.ok(findSystemPolicy(name), name);
  });
});
