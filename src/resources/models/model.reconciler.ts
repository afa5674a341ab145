import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { errorText, isFailure } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import { type Next, Reconciler } from '../../loop/reconciler.ts';
import type { Database } from '../../store-kit/index.ts';
import { discardPackage, type ImportDeps, importPackage, lastingProblem } from './model.import.ts';
import type { ModelStore } from './model.store.ts';
import type { Model } from './model.ts';
import { removeTree } from './staging.ts';

export interface ModelReconcilerDeps extends Omit<ImportDeps, 'note'> {
  db: Database;
  clock: Clock;
  log: Log;
  store: ModelStore;
  iam: {
    assumeAgency(input: {
      accountId: string;
      agencyName: string;
      projectId: string;
      durationSeconds: number;
      onBehalfOf?: { id: string; name: string };
    }): Promise<{ principal: Principal }>;
  };
}

const CREDENTIAL_SECONDS = 3600;
/** Unexpected errors (a full disk, say) are retried this often before the import is given up. */
const ATTEMPTS = 5;

/** Imports models and removes deleted ones. */
export function modelReconciler(deps: ModelReconcilerDeps): Reconciler {
  const { store, clock, dir } = deps;

  async function fail(model: Model, code: string, message: string): Promise<void> {
    await discardPackage(dir, model.id);
    if (!(await store.finish(model.id, 'failed', clock.now(), undefined, message))) return;
    await store.addEvent(model.id, {
      time: clock.now(),
      type: 'abnormal',
      info: `Failed to create the model: ${message} (${code})`,
    });
  }

  async function publish(model: Model, signal: AbortSignal): Promise<void> {
    let principal: Principal;
    try {
      const credential = await deps.iam.assumeAgency({
        accountId: model.accountId,
        agencyName: model.agencyName,
        projectId: model.projectId,
        durationSeconds: CREDENTIAL_SECONDS,
        onBehalfOf: { id: model.ownerId, name: model.ownerName },
      });
      principal = credential.principal;
    } catch (error) {
      if (!isFailure(error) || error.status >= 500) throw error;
      await fail(
        model,
        'ModelArts.3050',
        `The platform cannot act for the account through the agency ${model.agencyName}: ${error.message}`,
      );
      return;
    }
    const note = (info: string) => store.addEvent(model.id, { time: clock.now(), type: 'normal', info });
    const result = await importPackage({ ...deps, note }, model, principal, signal);
    if (await store.finish(model.id, 'published', clock.now(), result, undefined)) {
      await note(`The model is published with the engine ${result.engineId}.`);
    }
  }

  async function pass(id: string, signal: AbortSignal): Promise<Next> {
    const model = await store.forImport(id);
    if (!model) return 'settled';
    if (model.deleting) {
      await discardPackage(dir, id);
      await store.remove(id);
      return 'settled';
    }
    if (model.status !== 'publishing') return 'settled';
    try {
      await publish(model, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const problem = lastingProblem(error);
      if (problem) {
        await fail(model, problem.code, problem.message);
        return 'settled';
      }
      if (model.attempts + 1 >= ATTEMPTS) {
        deps.log.error({ err: error, model: id }, 'model import given up');
        await fail(model, 'ModelArts.3006', `The package could not be imported: ${errorText(error)}`);
        return 'settled';
      }
      await store.countAttempt(id);
      throw error;
    }
    return 'settled';
  }

  return new Reconciler(deps, {
    name: 'models',
    table: 'models',
    concurrency: 4,
    pass: (id, { signal }) => pass(id, signal),
  });
}

/** Removes package directories that belong to no model any more. */
export async function sweepPackages(dir: string, store: ModelStore): Promise<number> {
  const entries = await readdir(dir);
  const ids = new Set(await store.ids());
  const orphans = entries.filter(name => !ids.has(name.replace(/\.partial$/, '')));
  for (const name of orphans) await removeTree(join(dir, name));
  return orphans.length;
}
