import { existsSync } from 'node:fs';
import { createGateway } from '../dataplane/index.ts';
import { createLog } from '../kernel/log.ts';
import { closeAllMounts, detachAll } from '../resources/notebooks/index.ts';
import { closeSharedMounts } from '../resources/shared-directories/index.ts';
import { detachScratch } from '../resources/workload-access/index.ts';
import { createContainerDriver } from '../runtime/container/container-driver.ts';
import { startEngine } from '../runtime/container/engine.ts';
import type { Settings } from './env.ts';
import { homePaths, loadInstallationId, loadSecrets } from './home.ts';

/** Ends what outlives the server: containers of this installation, the gateway, the engine's service. Data stays. */
export async function stopEverything(settings: Settings, say: (line: string) => void): Promise<void> {
  const paths = homePaths(settings.home);
  if (!existsSync(paths.installation)) return;
  const log = createLog('warn');
  const secrets = loadSecrets(paths);
  const installation = loadInstallationId(paths);
  await createGateway({
    dir: paths.gateway,
    host: settings.host,
    port: settings.ports.inference,
    log,
    tokenSecret: secrets.tokenKey,
    verifyUrl: 'http://127.0.0.1:1/unused',
    verifyKey: secrets.gatewayKey,
  }).stop();
  say('The gateway is stopped.');
  const engine = await startEngine({
    dir: paths.engine,
    containersRoot: settings.containersRoot,
    log,
    ...(settings.engine ? { external: settings.engine } : {}),
  });
  // With the firewall, so that its rules go with the networks.
  const driver = createContainerDriver({ socketPath: engine.socketPath, log, hostPorts: [] });
  const ours = { 'atelier.installation': installation };
  const containers = await driver.list(ours);
  await Promise.all(containers.map(container => driver.remove(container.name)));
  // Nothing uses the mounts and volumes of notebooks any more.
  await closeAllMounts(paths.notebooks);
  await detachAll(paths.notebooks);
  await closeSharedMounts(paths.shared);
  await detachScratch(paths.jobs);
  await detachScratch(paths.notebooks);
  for (const network of await driver.listNetworks(ours)) await driver.removeNetwork(network);
  driver.close();
  await engine.stop();
  say(`${containers.length} containers removed; the container engine is stopped.`);
}
