import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../test/free-ports.ts';
import { Failure } from '../kernel/failure.ts';
import { silentLog } from '../kernel/log.ts';
import { createContainerDoors } from './listeners.ts';

async function doors(t: TestContext) {
  const target = (name: string) =>
    http.createServer((request, response) => response.end(`${name} ${request.socket.remoteAddress}`));
  const api = { target: target('api'), port: await freePort('127.0.0.2') };
  const obs = { target: target('obs'), port: await freePort('127.0.0.2') };
  const made = createContainerDoors({ api, obs, log: silentLog() });
  t.after(async () => {
    await made.close();
    api.target.closeAllConnections();
    obs.target.closeAllConnections();
  });
  return { api, obs, ...made };
}

const ask = async (url: string) => (await fetch(url, { headers: { connection: 'close' } })).text();

test('a door on an address of a network leads to the API and to OBS, though they listen elsewhere', async t => {
  const { ensureReachable, api, obs } = await doors(t);
  const reachable = await ensureReachable('127.0.0.2');
  assert.deepEqual(reachable, { api: `http://127.0.0.2:${api.port}`, obs: `http://127.0.0.2:${obs.port}` });
  assert.match(await ask(reachable.api), /^api 127\.0\.0/);
  assert.match(await ask(reachable.obs), /^obs 127\.0\.0/);
});

test('asking again, also at the same time, opens nothing twice; networks have doors of their own', async t => {
  const { ensureReachable } = await doors(t);
  const answers = await Promise.all([
    ensureReachable('127.0.0.2'),
    ensureReachable('127.0.0.2'),
    ensureReachable('127.0.0.3'),
  ]);
  assert.deepEqual(answers[0], answers[1]);
  assert.deepEqual(await ensureReachable('127.0.0.2'), answers[0]);
  assert.match(await ask(answers[2]!.api), /^api/);
});

test('closed doors are closed, and can be opened again', async t => {
  const { ensureReachable, close } = await doors(t);
  const { api } = await ensureReachable('127.0.0.2');
  await close();
  await assert.rejects(ask(api));
  await ensureReachable('127.0.0.2');
  assert.match(await ask(api), /^api/);
});

test('an address that is taken is told, and tried anew at the next workload', async t => {
  const { ensureReachable, api } = await doors(t);
  const squatter = net.createServer();
  await new Promise<void>(resolve => squatter.listen(api.port, '127.0.0.2', resolve));
  await assert.rejects(
    ensureReachable('127.0.0.2'),
    error => error instanceof Failure && error.message.includes(`127.0.0.2:${api.port}`),
  );
  await new Promise(resolve => squatter.close(resolve));
  assert.match(await ask((await ensureReachable('127.0.0.2')).api), /^api/);
});
