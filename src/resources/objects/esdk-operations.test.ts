import assert from 'node:assert/strict';
import dns from 'node:dns';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { bucketSteps } from './esdk-buckets.fixture.ts';
import { lastSteps, objectSteps } from './esdk-objects.fixture.ts';
import { type Answer, BUCKET, type Kept, refusedSteps, type Step, type Wire } from './esdk-steps.fixture.ts';
import { DOMAIN, type ObjectWorld, objectWorld, REGION } from './world.fixture.ts';

const require = createRequire(import.meta.url);
const ObsClient = require('esdk-obs-nodejs');

/** What the client can be asked beside the operations of its model: made of them, or without a request. */
const OTHER_METHODS = `uploadFile downloadFile close refreshShadowClient exec initLog factory refresh enums
  createV2SignedUrlSync createV4SignedUrlSync createSignedUrlSync createV4PostSignatureSync createPostSignatureSync`;

function stepsOf(wire: Wire): Record<string, Step[]> {
  return {
    'buckets and what is set on them': bucketSteps(wire),
    'objects, parts, versions and files': objectSteps(wire),
    'what is not there is refused clearly': refusedSteps,
    'removal of all': lastSteps,
  };
}

/** `operation` of the client; promises of its methods go through the same function. */
function perform(client: Answer, { operation }: Step, args: object): Promise<Answer> {
  const method = operation.charAt(0).toLowerCase() + operation.slice(1);
  if (typeof client[method] === 'function') return client[method](args);
  return new Promise((resolve, reject) =>
    client.exec(operation, args, (error: unknown, answer: Answer) => (error ? reject(error) : resolve(answer))),
  );
}

async function follow(client: Answer, step: Step, kept: Kept): Promise<void> {
  const args = typeof step.args === 'function' ? step.args(kept) : step.args;
  const { CommonMsg, InterfaceResult } = await perform(client, step, { Bucket: BUCKET, ...args });
  const { Status, Code, Message } = CommonMsg;
  const told = `${step.operation} ${JSON.stringify(args ?? {}).slice(0, 300)}: ${JSON.stringify(CommonMsg)}`;
  if (step.refused) {
    const [status, code, message = /(?:)/] = step.refused;
    assert.deepEqual([Status, Code ?? ''], [status, code], told);
    assert.match(Message ?? '', message, told);
    return;
  }
  assert.ok(Status < 300, told);
  const answer = { ...InterfaceResult };
  if (Buffer.isBuffer(answer.Content)) answer.Content = String(answer.Content);
  const gives = typeof step.gives === 'function' ? step.gives(kept) : (step.gives ?? {});
  assert.partialDeepStrictEqual(answer, gives, `${told} gave ${JSON.stringify(answer)}`);
  Object.assign(kept, step.keep?.(answer));
}

describe('esdk-obs-nodejs, unchanged: every operation', () => {
  it('that the client has is in the tables', () => {
    const followed = (wire: Wire) =>
      new Set(Object.values(stepsOf(wire)).flatMap(steps => steps.map(s => s.operation)));
    for (const [model, wire] of [
      ['obsModel', 'obs'],
      ['v2Model', 'aws'],
    ] as const) {
      const operations = Object.keys(require(`esdk-obs-nodejs/lib/${model}.js`));
      const untested = operations.filter(name => !name.endsWith('Output') && !followed(wire).has(name));
      assert.deepEqual(untested, [], `${model}: untested`);
    }
    const known = new Set([...followed('obs'), ...OTHER_METHODS.split(/\s+/).map(capitalized)]);
    const untested = Object.keys(ObsClient.prototype).filter(
      name => !known.has(capitalized(name)) && !known.has(`${capitalized(name)}Configuration`),
    );
    assert.deepEqual(untested, [], 'methods of the client');
  });

  for (const signature of ['obs', 'v2', 'v4']) {
    describe(`signature ${signature}`, () => {
      let world: ObjectWorld;
      let client: Answer;
      const wire: Wire = signature === 'obs' ? 'obs' : 'aws';
      const kept: Kept = {};
      const resolve = dns.lookup;

      before(async () => {
        world = await objectWorld();
        // Only to a host by name the client speaks the OBS dialect: names below the domain lead here.
        dns.lookup = ((host: string, options: { all?: boolean }, done: Answer) => {
          if (!host.endsWith(DOMAIN)) return resolve(host, options, done);
          return options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
        }) as typeof dns.lookup;
        const { access, secret } = world.key('ann');
        client = new ObsClient({
          access_key_id: access,
          secret_access_key: secret,
          server: wire === 'obs' ? `http://${DOMAIN}:${world.port}` : world.url,
          signature,
          region: REGION,
        });
        await tick();
      });
      after(async () => {
        dns.lookup = resolve;
        client.close();
        await world.close();
      });

      for (const [what, steps] of Object.entries(stepsOf(wire))) {
        it(what, async () => {
          for (const step of steps) {
            await follow(client, step, kept);
          }
        });
      }
    });
  }
});

function capitalized(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
