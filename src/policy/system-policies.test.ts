import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  catalogueActions,
  commonUserPolicies,
  compilePolicies,
  decide,
  findSystemPolicy,
  knownActions,
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

  const catalogue = (service: string) => catalogueActions.filter(action => action.startsWith(`${service}:`));

  it('CommonOperations allows every known action of ModelArts but managing pools, networks and authorizations', () => {
    const refused = catalogue('modelarts').filter(action => !allows('ModelArts CommonOperations', action));
    assert.deepEqual(refused, [
      ...['modelarts:authorization:create', 'modelarts:authorization:delete'],
      ...['modelarts:network:create', 'modelarts:network:delete', 'modelarts:network:update'],
      ...['modelarts:pool:create', 'modelarts:pool:delete', 'modelarts:pool:update'],
    ]);
  });
  it('Security Administrator allows every known action of IAM but switching roles', () => {
    const refused = catalogue('iam').filter(action => !allows('Security Administrator', action));
    assert.deepEqual(refused, ['iam:agencies:assume', 'iam:tokens:assume']);
  });
  it('Tenant Administrator allows every known action outside IAM', () => {
    const others = catalogueActions.filter(action => !action.startsWith('iam:'));
    assert.deepEqual(
      others.filter(action => !allows('Tenant Administrator', action)),
      [],
    );
  });
  it('none names an action that is not in the catalogue, but for services that ModelArts does not lean on', () => {
    const known = knownActions(catalogueActions);
    for (const { displayName, document } of systemPolicies) {
      const { warnings } = parsePolicy(document, { kind: 'system', knownActions: known });
      const inCatalogue = warnings.filter(
        ({ message }) => message.startsWith('no known action') && !message.includes('*'),
      );
      assert.deepEqual(inCatalogue, [], displayName);
    }
  });
  it('every policy of the preset Common User exists', () => {
    for (const name of commonUserPolicies) assert.ok(findSystemPolicy(name), name);
  });
});
