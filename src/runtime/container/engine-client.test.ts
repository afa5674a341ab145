import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { silentLog } from '../../kernel/log.ts';
import { EngineRefused } from '../driver.ts';
import { createContainerDriver } from './container-driver.ts';

describe('an engine whose containers vanish while it looks at them', () => {
  let dir: string;
  let engine: http.Server;
  let cause = 'no such container';
  let driver: ReturnType<typeof createContainerDriver>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'atelier-engine-client-'));
    // As Podman 4.3 answers when a container is removed between its look-up and the reading of its state.
    engine = http.createServer((request, response) => {
      const listed = request.url?.includes('/containers/json');
      response.writeHead(listed ? 200 : 500, { 'content-type': 'application/json' });
      const message = `container e7142106 does not exist in database: ${cause}`;
      response.end(JSON.stringify(listed ? [{ Names: ['/gone'] }] : { cause, message, response: 500 }));
    });
    await new Promise<void>(resolve => engine.listen(join(dir, 'engine.sock'), resolve));
    driver = createContainerDriver({ socketPath: join(dir, 'engine.sock'), log: silentLog() });
  });

  after(async () => {
    driver.close();
    engine.close();
    await rm(dir, { recursive: true });
  });

  it('says that they are absent', async () => {
    cause = 'no such container';
    assert.equal((await driver.inspect('gone')).state, 'absent');
    assert.deepEqual(await driver.list({}), []);
    assert.equal(await driver.stats('gone'), undefined);
    await driver.remove('gone');
  });

  it('says so of no other failure', async () => {
    for (cause of ['database is locked', 'no such file or directory']) {
      await assert.rejects(driver.inspect('gone'), EngineRefused, cause);
      await assert.rejects(driver.list({}), EngineRefused, cause);
    }
  });
});
