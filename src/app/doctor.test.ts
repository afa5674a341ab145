import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { diagnose } from './doctor.ts';
import { readSettings } from './env.ts';

test('the doctor names what is in the way with a remedy, and changes nothing', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-doctor-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const squatter = net.createServer();
  await new Promise<void>(resolve => squatter.listen(0, '127.0.0.1', resolve));
  t.after(() => squatter.close());
  const { port } = squatter.address() as AddressInfo;
  const settings = {
    ...readSettings({ ATELIER_HOME: join(dir, 'home'), ATELIER_CONTAINERS: join(dir, 'containers') }),
    ports: { api: port, obs: 0, registry: 0, inference: 0, notebooks: 0 },
    engine: 'unix:///nowhere/docker.sock',
  };
  const findings = await diagnose(settings);
  const of = (subject: string) => findings.find(finding => finding.subject.startsWith(subject))!;
  assert.deepEqual(
    { ...of(`port ${port}`), remedy: '' },
    {
      subject: `port ${port} (api)`,
      ok: false,
      text: 'in use by another program',
      remedy: '',
    },
  );
  assert.match(of(`port ${port}`).remedy ?? '', /ATELIER_PORT/);
  assert.equal(of('container engine').ok, false);
  assert.match(of('container engine').remedy ?? '', /ATELIER_ENGINE/);
  assert.equal(of('ATELIER_HOME').ok, true);
  assert.equal(of('Node.js').ok, true);
  for (const finding of findings) if (!finding.ok) assert.ok(finding.remedy, finding.subject);
  assert.deepEqual(readdirSync(dir), []);
  // A server file of a process that died long ago does not excuse the port.
  const home = join(dir, 'home');
  const { homePaths, prepareHome } = await import('./home.ts');
  prepareHome(homePaths(home));
  writeFileSync(homePaths(home).serverFile, JSON.stringify({ pid: 2 ** 22 + 1 }));
  const again = await diagnose(settings);
  assert.equal(again.find(finding => finding.subject.startsWith(`port ${port}`))!.ok, false);
});
