import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { REGION } from '../../test/world.ts';
import { CLIENT, ISSUER, issuer, RULES } from '../resources/iam/federation.fixture.ts';
import { createMachine, type Machine } from './machine.fixture.ts';

let machine: Machine;
const atelier: Machine['atelier'] = (...given) => machine.atelier(...given);
const done: Machine['done'] = (...given) => machine.done(...given);

before(async () => {
  machine = await createMachine();
});
after(() => machine?.remove());

test('an identity provider is connected by the command line alone, and its users log in with ID tokens', async () => {
  const idp = await issuer();
  const keys = JSON.parse(idp.jwks).keys as object[];
  machine.write('jwks.json', { keys: [...keys, { ...keys[0], kid: 'other', use: 'enc' }] });
  machine.write('rules.json', RULES);
  machine.write('no-rules.json', { rules: 'none' });
  await done('iam group create scientists');
  await done('iam grant add --group scientists --policy', 'ModelArts CommonOperations');
  await done('iam provider create corp --description', 'our people');
  const wrong = await atelier(['--profile', 'root', 'iam', 'mapping', 'create', 'corp-rules', 'no-rules.json']);
  assert.match(wrong.err, /no-rules\.json holds no rules/);
  await done('iam mapping create corp-rules rules.json');
  assert.match(await done('iam provider mapping corp corp-rules'), /protocol +oidc\nmapping +corp-rules/);
  const bare = await atelier(['--profile', 'root', 'iam', 'provider', 'config', 'corp']);
  assert.match(bare.err, /no configuration yet[\s\S]*--idp-url/);
  await done(`iam provider config corp --idp-url ${ISSUER} --client-id ${CLIENT} --keys jwks.json`);
  const shown = await done('iam provider config corp');
  assert.match(shown, new RegExp(`idp_url +${ISSUER}`));
  assert.doesNotMatch(shown, /"other"|other/);

  machine.write('zoe.jwt', `${await idp.idToken({ sub: 's-1', name: 'zoe', groups: ['scientists'] })}\n`);
  const login = ['login', '--api', machine.world.api, '--region', REGION, '--id-token', 'zoe.jwt', '--name', 'zoe'];
  assert.match((await atelier(login)).err, /--provider/);
  const entered = await atelier([...login, '--provider', 'corp']);
  assert.equal(entered.code, 0, entered.err);
  assert.match((await atelier(['profile'])).out, /zoe +\* .*acme\/zoe/);
  assert.match((await atelier(['iam', 'explain', '--action', 'modelarts:trainJob:create'])).out, /^verdict +allow/);
  assert.equal((await atelier(['api', 'ListAlgorithms'])).code, 0);

  await done('iam authorization add --federated-user zoe --new-agency zoe');
  assert.match(await done('iam authorization permissions --federated-user zoe'), /System-defined/);
  await done('iam authorization add --federated-group scientists --agency ma_agency_zoe');
  assert.match(await done('iam authorization list'), /zoe +federate +ma_agency_zoe/);
  await done('iam authorization delete --yes --federated-user zoe');
  await done('iam authorization delete --yes --federated-group scientists');
  assert.deepEqual(await machine.json('iam authorization list'), []);

  assert.match(await done('iam mapping show corp-rules'), /"remote"/);
  await done('iam provider update corp --disable');
  assert.equal((await atelier(['--profile', 'zoe', 'api', 'ListAlgorithms'])).code, 1);
  await done('iam provider disconnect corp --yes');
  await done('iam mapping delete corp-rules --yes');
  await done('iam provider delete corp --yes');
  assert.deepEqual(await machine.json('iam provider list'), []);
});
