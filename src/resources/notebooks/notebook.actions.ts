import { rm, writeFile } from 'node:fs/promises';
import { pause } from '../../loop/every.ts';
import type { Next } from '../../loop/reconciler.ts';
import type { Observation } from '../../runtime/driver.ts';
import { notebookContainer, prepareLaunch, workloadId } from './notebook.container.ts';
import { lastLines } from './notebook.logs.ts';
import { servesWeb } from './notebook.model.ts';
import type { Pass } from './notebook.pass.ts';
import { WEB_PORT } from './notebook.paths.ts';
import { notebookNetwork, openPlatform, supervise } from './notebook.supervisor.ts';
import type { Action } from './notebook.ts';
import { attachData, attachWork } from './shared.part.ts';
import { SSH_PORT } from './ssh.part.ts';

/** Takes one step. Returns when to look again, or nothing to go on at once. `observed`: where the step needed it. */
export type Act = (pass: Pass, observed: Observation | undefined) => Promise<Next | undefined>;

const READY_POLL_MS = 50;
const IMAGE_POLL_MS = 500;
const KEPT_LINES = 1000;
const QUOTED_LINES = 5;

async function submit({ notebook, deps }: Pass): Promise<void> {
  const { vcpus, memoryBytes, gpus } = notebook.spec.flavor;
  await deps.admission.submit({
    id: workloadId(notebook.id),
    kind: 'notebook',
    name: notebook.name,
    accountId: notebook.accountId,
    projectId: notebook.projectId,
    workspaceId: notebook.workspaceId,
    userId: notebook.userId,
    ...(notebook.spec.pool ? { pool: notebook.spec.pool.id } : {}),
    vcpus,
    memoryBytes,
    gpus,
  });
}

/** What each planned action does. */
export const ACTS: Record<Action, Act> = {
  async store(pass) {
    const { notebook, deps } = pass;
    await attachWork(notebook, deps);
    await pass.advance({ step: 'stored', volumeMadeBytes: notebook.volumeBytes });
    return undefined;
  },

  async submit(pass) {
    await submit(pass);
    await pass.advance({ step: 'queued' });
    return undefined;
  },

  async 'await-admission'(pass) {
    const status = await pass.deps.admission.status(workloadId(pass.notebook.id));
    if (status?.state === 'admitted') return undefined;
    if (status) await pass.tell('Info', `Waiting for compute resources. ${status.reason}`, `queue ${status.reason}`);
    else await submit(pass);
    return { afterMs: pass.settings.queueCheckMs };
  },

  async create(pass) {
    const { notebook, deps, settings } = pass;
    if (notebook.step === 'queued') {
      await pass.tell('Info', 'Compute resources are allocated.', 'admitted');
      await pass.advance({ step: 'creating' });
      return undefined;
    }
    const parts = deps.parts ?? [];
    const preparing = deps.preparing?.(notebook.spec.image.ref);
    if (preparing !== undefined) {
      await pass.tell('Info', `The image is being prepared: ${preparing}.`, 'image');
      return { afterMs: IMAGE_POLL_MS };
    }
    const work = await attachWork(notebook, deps);
    await prepareLaunch(notebook, deps.dir, parts);
    const network = await notebookNetwork(pass);
    const at = { dir: deps.dir, work, network, installation: deps.installation, parts };
    const spec = notebookContainer(notebook, at, settings);
    await deps.driver.ensureImage(spec.image);
    await deps.driver.create(spec);
    await pass.advance({ step: 'launching' });
    return undefined;
  },

  async start(pass) {
    const { notebook, deps } = pass;
    // After a reboot the container may still be there while nothing is mounted any more.
    await attachWork(notebook, deps);
    await attachData(notebook, deps);
    await deps.driver.start(pass.container);
    return undefined;
  },

  async 'await-ready'(pass, observed) {
    const { notebook, deps, settings, signal } = pass;
    const { startedAt = deps.clock.now() } = observed!;
    await openPlatform(pass, observed!.address);
    for (;;) {
      if (await answers(pass, observed!)) break;
      if (signal.aborted) return { afterMs: 0 };
      const now = await deps.driver.inspect(pass.container);
      if (now.state !== 'running') return undefined;
      if (deps.clock.now() - startedAt > settings.readyMs) {
        const seconds = Math.round(settings.readyMs / 1000);
        await pass.fail(
          faultOf(pass),
          `${servesWeb(notebook.spec.image) ? 'The web IDE' : 'The SSH server'} did not answer within ${seconds} s.${await lastWords(pass)}`,
        );
        return undefined;
      }
      await pause(READY_POLL_MS, signal);
    }
    const now = deps.clock.now();
    const rule = notebook.stopRule;
    await pass.advance({
      step: 'running',
      ran: true,
      startedAt: now,
      activeAt: now,
      // The time it may run counts from when it can be used.
      stopRule: { ...rule, createdAt: now, updatedAt: now },
    });
    await pass.tell('Info', 'The instance is running.', 'running');
    return undefined;
  },

  supervise: (pass, observed) => supervise(pass, observed!),

  async lose(pass, observed) {
    const { state, exitCode, oomKilled, error } = observed!;
    const limit = `${Math.round((pass.notebook.spec.flavor.memoryBytes / 1024 ** 3) * 10) / 10} GiB`;
    const why =
      state === 'absent'
        ? 'Its container is gone: it was removed from outside.'
        : oomKilled
          ? `It ended with exit code ${exitCode}: out of memory (limit ${limit}).`
          : `It ended by itself with exit code ${exitCode}.`;
    const words = state === 'absent' ? '' : await lastWords(pass);
    const reason = `${why}${error ? ` ${error}` : ''}${words}`;
    await pass.fail(pass.notebook.step === 'running' ? 'error' : faultOf(pass), reason);
    return undefined;
  },

  async stop(pass) {
    const { deps, settings, signal, notebook } = pass;
    const stopping = deps.driver.stop(pass.container, notebook.desired === 'delete' ? 1 : settings.graceSeconds);
    stopping.catch(error => deps.log.warn({ err: error, notebook: notebook.id }, 'stop of a notebook failed'));
    await Promise.race([stopping, pause(settings.graceSeconds * 2000, signal)]);
    return undefined;
  },

  async release(pass) {
    await pass.advance({ step: 'cleanup' });
    return undefined;
  },

  async cleanup(pass) {
    const { notebook, deps, host, store } = pass;
    const observed = await deps.driver.inspect(pass.container);
    if (observed.state !== 'absent') {
      const lines = await lastLines(deps.driver, pass.container, KEPT_LINES);
      await writeFile(host.lastLog, lines.join('\n'), { mode: 0o600 });
      await deps.driver.remove(pass.container);
    }
    for (const part of deps.parts ?? []) await part.release?.(notebook, host);
    pass.sessions.forget(notebook.id);
    pass.activity.forget(notebook.id);
    await deps.volumes.detach(notebook.id);
    await rm(host.platform, { recursive: true, force: true });
    await deps.admission.release(workloadId(notebook.id));
    if (notebook.desired === 'stop' && !notebook.fault) await pass.tell('Info', 'The instance is stopped.', 'stopped');
    await store.cleaned(notebook.id, notebook.run);
    return undefined;
  },

  async erase(pass) {
    const { notebook, deps, host, store } = pass;
    try {
      await deps.volumes.remove(notebook.id);
      await rm(host.root, { recursive: true, force: true });
    } catch (error) {
      await store.deletionFailed(notebook.id, `Its storage could not be deleted: ${(error as Error).message}`);
      throw error;
    }
    await store.erase(notebook.id);
    return 'settled';
  },

  async nothing() {
    return 'settled';
  },
};

/** Whether somebody can come in: by the web IDE, or by SSH where the image is for that alone. */
async function answers(pass: Pass, { endpoints }: Observation): Promise<boolean> {
  const { notebook, signal } = pass;
  if (servesWeb(notebook.spec.image)) {
    const at = endpoints[WEB_PORT];
    return at !== undefined && (await pass.probe(notebook, at, pass.secrets.jupyter(notebook), signal)) !== undefined;
  }
  const at = endpoints[SSH_PORT];
  return at !== undefined && pass.probeSsh(at, signal);
}

/** How a run that never became usable failed. */
export function faultOf({ notebook }: Pass): 'create' | 'start' {
  return notebook.ran ? 'start' : 'create';
}

async function lastWords(pass: Pass): Promise<string> {
  const lines = await lastLines(pass.deps.driver, pass.container, QUOTED_LINES);
  return lines.length === 0 ? '' : ` Its last output: ${lines.join(' | ').slice(-600)}`;
}
