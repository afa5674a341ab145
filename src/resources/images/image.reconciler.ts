import type { Clock } from '../../kernel/clock.ts';
import { isFailure } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import { type Next, Reconciler } from '../../loop/reconciler.ts';
import { EngineRefused, EngineUnavailable, type ImageInfo, type RuntimeDriver } from '../../runtime/driver.ts';
import type { Database } from '../../store-kit/index.ts';
import { checkSize, type ImageSettings } from './image.service.ts';
import type { imageStore } from './image.store.ts';
import { type Image, mayUse } from './image.ts';

export interface ImageReconcilerDeps {
  db: Database;
  clock: Clock;
  log: Log;
  store: ReturnType<typeof imageStore>;
  driver: Pick<RuntimeDriver, 'inspectImage' | 'ensureImage' | 'removeImage'>;
  settings: ImageSettings;
  instances(): Instances;
}

/** What images ask of the instances that are saved; each may be called again. */
export interface Instances {
  /** Keeps its users out while it is saved under `name`. Throws Failure where it does not run. */
  begin(projectId: string, id: string, name: string): Promise<void>;
  commit(id: string, ref: string): Promise<void>;
  /** Gives it back to its users. */
  end(id: string): Promise<void>;
}

const RETRY_MS = 5_000;
const RETRY_REMOVAL_MS = 60_000;

/** Fetches, saves and removes the content of images. */
export function imageReconciler(deps: ImageReconcilerDeps): Reconciler {
  const { store, clock, driver, log } = deps;

  async function finish(image: Image, info: ImageInfo): Promise<Next> {
    await store.advance(image.id, { status: 'ACTIVE', size: info.sizeBytes, now: clock.now() });
    return 'settled';
  }

  async function fail(image: Image, statusMessage: string): Promise<Next> {
    await store.advance(image.id, { status: 'ERROR', statusMessage, now: clock.now() });
    return 'settled';
  }

  async function fetchImage(image: Image): Promise<Next> {
    const { swrPath } = image;
    const before = await driver.inspectImage(swrPath);
    if (before && !mayUse(image.accountId, before.names)) return fail(image, `there is no image ${swrPath}`);
    const registry = swrPath.split('/')[0]!;
    if (!before && !deps.settings.registries.includes(registry)) {
      return fail(image, `there is no image ${swrPath} on this machine`);
    }
    await driver.ensureImage(swrPath);
    const info = await driver.inspectImage(swrPath);
    if (!info) return fail(image, `there is no image ${swrPath}`);
    checkSize(info.sizeBytes, deps.settings);
    return finish(image, info);
  }

  async function save(image: Image, instanceId: string): Promise<Next> {
    // A pass that died may have done it: whatever has the reference was made for this row, unless it is older.
    let info = await driver.inspectImage(image.swrPath);
    if (!info || info.createdAt < Math.floor(image.createdAt / 1000) * 1000) {
      const statusMessage = 'the file system of the instance is being copied';
      await store.advance(image.id, { status: 'CREATING', statusMessage, now: clock.now() });
      await deps.instances().begin(image.projectId, instanceId, image.id);
      await deps.instances().commit(instanceId, image.swrPath);
      info = await driver.inspectImage(image.swrPath);
      if (!info) return fail(image, 'the container engine lost the image after it was saved');
    }
    // Before the image says that it is done: what died in between is done again.
    await deps.instances().end(instanceId);
    return finish(image, info);
  }

  async function removeContent(image: Image): Promise<Next> {
    if (!(await store.isShared(image.swrPath, image.id))) {
      try {
        await driver.removeImage(image.swrPath);
      } catch (error) {
        if (!(error instanceof EngineRefused)) throw error;
        log.info({ image: image.id, err: error }, 'the content of a deleted image is still in use');
        return { afterMs: RETRY_REMOVAL_MS };
      }
    }
    await store.remove(image.id);
    return 'settled';
  }

  return new Reconciler(deps, {
    name: 'images',
    table: 'images',
    concurrency: 2,
    async pass(id) {
      const image = await store.load(id);
      if (!image) return 'settled';
      try {
        if (image.status === 'DELETED') return await removeContent(image);
        if (image.status !== 'INIT' && image.status !== 'CREATING') return 'settled';
        return image.source ? await save(image, image.source.instanceId) : await fetchImage(image);
      } catch (error) {
        if (error instanceof EngineUnavailable) return { afterMs: RETRY_MS };
        if (image.status === 'DELETED' || !(error instanceof EngineRefused || isFailure(error))) throw error;
        log.warn({ image: id, err: error }, 'an image could not be made');
        if (image.source) await deps.instances().end(image.source.instanceId);
        return fail(image, error.message);
      }
    },
  });
}
