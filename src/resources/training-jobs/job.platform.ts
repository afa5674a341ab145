import { accountNetworkName } from '../../kernel/names.ts';
import type { NetworkSpec } from '../../runtime/driver.ts';
import { type AgencyCredential, writeCredentials, writeReady } from '../workload-access/index.ts';
import type { Pass } from './job.pass.ts';
import { StepFailed } from './job.staging.ts';

/** The network of the job's containers: its pool's, or that of its account. Throws StepFailed when its pool is gone. */
export async function jobNetwork({ deps, job }: Pass): Promise<NetworkSpec> {
  const { pool } = job.spec;
  if (!pool) return network(deps.installation, accountNetworkName(deps.installation, job.accountId), 'account-network');
  const name = await deps.pools?.networkOf(pool.id);
  if (!name) throw new StepFailed(`The dedicated pool ${pool.name} (${pool.id}) of the job is gone.`);
  return network(deps.installation, name, 'pool-network');
}

function network(installation: string, name: string, kind: string): NetworkSpec {
  return { name, labels: { 'atelier.installation': installation, 'atelier.kind': kind }, internal: true };
}

/**
 * Opens the platform to the job's network and tells each waiting launcher where it is and with which credentials. Safe to
 * repeat: a container that already went on keeps what it read. `addresses`: those of the tasks, in order.
 */
export async function openPlatform(pass: Pass, addresses: readonly (string | undefined)[]): Promise<AgencyCredential> {
  const { deps, job } = pass;
  const { gateway } = await deps.driver.ensureNetwork(await jobNetwork(pass));
  const { api, obs } = await deps.platform.ensureReachable(gateway);
  const credential = await pass.sessions.of(job);
  for (const task of pass.tasks) {
    await writeCredentials(task.host.platform, credential);
    await writeReady(
      task.host.platform,
      { api, obs, region: deps.region, credential },
      { MA_CURRENT_IP: addresses[task.index] ?? '', MA_CURRENT_HOST_IP: gateway },
    );
  }
  return credential;
}
