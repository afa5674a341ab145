import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { uuid } from '../../kernel/ids.ts';
import { ownerOf, type Principal } from '../../kernel/principal.ts';
import { EngineUnavailable, type RuntimeDriver } from '../../runtime/driver.ts';
import type { Admit, WorkspaceContents } from '../workspaces/index.ts';
import type { ImageRegistration } from './image.api.ts';
import { type ImageQuery, searched } from './image.search.ts';
import type { imageStore } from './image.store.ts';
import {
  accountRef,
  groupId,
  type Image,
  type ImageTag,
  isOwnRef,
  isPlainRef,
  isVisible,
  mayUse,
  parseImageRef,
  shownNamespace,
  wrong,
} from './image.ts';
import { imageView } from './image.view.ts';
import { presetImages } from './image-presets.ts';

const IMAGE_QUOTA = 'image.count';

export interface ImageSettings {
  /** A larger image is not registered. */
  largestBytes: number;
  /** Registries, as `host:port`, from which an image that is not here may be fetched. */
  registries: readonly string[];
}

export interface ImageServiceDeps {
  store: ReturnType<typeof imageStore>;
  clock: Clock;
  driver: Pick<RuntimeDriver, 'inspectImage'>;
  settings: ImageSettings;
  /** No quotas when absent. */
  workspaces?: { admit: Admit };
  /** What uses an image, in words; empty when nothing does. */
  usedBy(projectId: string, imageId: string): Promise<string[]>;
  /** Rows are due. */
  hint(): void;
}

/** A request to save a container as an image. */
export interface SaveRequest {
  projectId: string;
  workspaceId: string;
  instanceId: string;
  name: string;
  namespace: string;
  tag: string;
  description: string;
  /** Of the image that the instance runs. */
  like: Pick<Image, 'arch' | 'resourceCategories' | 'devServices'>;
}

export type ImageService = ReturnType<typeof imageService>;

/** Use cases of images (behaviour/notebooks.md 3). */
export function imageService(deps: ImageServiceDeps) {
  const { store, clock, driver, settings } = deps;
  const presets = presetImages();

  /** What the engine knows of a reference; undefined when it has no such image, or one of another account. */
  async function held(accountId: string, ref: string) {
    const info = await driver.inspectImage(ref);
    return info && mayUse(accountId, info.names) ? info : undefined;
  }

  /** Whether a name that the engine gives an image is nobody's, or the account's and not hidden from the caller. */
  async function isOpen(principal: Principal, name: string): Promise<boolean> {
    if (!isOwnRef(principal.accountId, name)) return mayUse(principal.accountId, [name]);
    const registered = await store.ofAccount(principal.accountId, name);
    return registered.length === 0 || registered.some(each => isVisible(each, principal));
  }

  async function find(principal: Principal, projectId: string, id: string): Promise<Image | undefined> {
    const preset = presets.find(each => each.id === id);
    if (preset) return preset;
    const image = await store.find(projectId, id);
    return image && isVisible(image, principal) ? image : undefined;
  }

  /** Throws Failure 6797 when the caller sees none. */
  async function get(principal: Principal, projectId: string, id: string): Promise<Image> {
    const found = await find(principal, projectId, id);
    if (found) return found;
    throw new Failure({
      code: 'ModelArts.6797',
      status: 400,
      message: `There is no image ${id.slice(0, 64)} that you may use in this project.`,
      solution: 'GET /v1/{project_id}/images lists them; a private image is for its owner.',
    });
  }

  async function add(image: Image, due: boolean): Promise<Image> {
    const { projectId, workspaceId } = image;
    const admitted = await store.add(image, due ? clock.now() : null, async (used, trx) =>
      deps.workspaces?.admit(projectId, workspaceId, IMAGE_QUOTA, used, trx),
    );
    if (!admitted) {
      throw new Failure({
        code: 'ModelArts.6737',
        status: 400,
        message: `The tag ${image.tag} of ${image.namespace ? `${image.namespace}/` : ''}${image.name} is registered in this project already.`,
        solution: 'Choose another tag, or delete that image first.',
      });
    }
    if (due) deps.hint();
    return image;
  }

  async function remove(image: Image, force: boolean): Promise<void> {
    if (image.type === 'BUILD_IN') {
      throw wrong('id', `is ${image.id}: images of the platform cannot be deleted.`);
    }
    const users = await deps.usedBy(image.projectId, image.id);
    if (users.length > 0) {
      throw new Failure({
        code: 'ModelArts.6344',
        status: 400,
        message: `The image ${image.name}:${image.tag} is used by ${users.slice(0, 3).join(', ')}${users.length > 3 ? ` and ${users.length - 3} more` : ''}.`,
        solution: 'Delete those, or have them use another image first.',
      });
    }
    const unfinished = image.source && (image.status === 'INIT' || image.status === 'CREATING');
    if (unfinished) {
      throw new Failure({
        code: 'ModelArts.6357',
        status: 400,
        message: `The image ${image.name}:${image.tag} is being saved.`,
        solution: 'Delete it when its status is ACTIVE or ERROR.',
      });
    }
    if (force && image.visibility === 'PUBLIC') {
      throw wrong('force', 'removes the content of private images alone, and this one is PUBLIC.');
    }
    if (force && isOwnRef(image.accountId, image.swrPath)) {
      await store.markDeleted(image.id, clock.now());
      deps.hint();
    } else {
      await store.remove(image.id);
    }
  }

  async function list(principal: Principal, projectId: string, query: ImageQuery): Promise<Image[]> {
    const own = query.type === 'BUILD_IN' ? [] : await store.list(projectId, query.workspaceId);
    const all = [...own.filter(each => isVisible(each, principal)), ...(query.type === 'DEDICATED' ? [] : presets)];
    return searched(all, query);
  }

  return {
    find,
    get,
    list,

    /** Registers an image that the engine has, or that one of the configured registries holds. */
    async register(
      principal: Principal,
      projectId: string,
      workspaceId: string,
      body: ImageRegistration,
    ): Promise<Image> {
      const ref = parseImageRef(body.swr_path);
      const now = clock.now();
      const image: Image = {
        id: uuid(),
        projectId,
        accountId: principal.accountId,
        workspaceId,
        owner: ownerOf(principal),
        name: ref.name,
        namespace: shownNamespace(ref),
        tag: ref.tag,
        swrPath: body.swr_path,
        description: checkedDescription(body.description ?? ''),
        arch: body.arch ?? (process.arch === 'arm64' ? 'AARCH64' : 'X86_64'),
        origin: body.origin ?? 'CUSTOMIZE',
        type: 'DEDICATED',
        resourceCategories: unique(body.resource_category ?? ['CPU']),
        devServices: unique(body.services ?? ['NOTEBOOK']),
        serviceType: body.service_type ?? 'UNKNOWN',
        visibility: body.visibility ?? 'PRIVATE',
        status: 'ACTIVE',
        statusMessage: '',
        size: 0,
        createdAt: now,
        updatedAt: now,
      };
      try {
        const info = await held(principal.accountId, body.swr_path);
        if (info) {
          checkSize(info.sizeBytes, settings);
          return await add({ ...image, size: info.sizeBytes }, false);
        }
      } catch (error) {
        // Unknown is not absent: the reconciler looks again.
        if (!(error instanceof EngineUnavailable)) throw error;
        return add({ ...image, status: 'CREATING', statusMessage: 'waiting for the container engine' }, true);
      }
      if (settings.registries.includes(ref.registry)) {
        return add({ ...image, status: 'CREATING', statusMessage: `fetching it from ${ref.registry}` }, true);
      }
      throw new Failure({
        code: 'ModelArts.6797',
        status: 400,
        message: `Parameter [swr_path]: there is no image ${body.swr_path.slice(0, 200)} on this machine.`,
        solution:
          settings.registries.length > 0
            ? `Load it with the container engine of this installation, or push it to ${settings.registries.join(' or ')}.`
            : 'Build or load it with the container engine of this installation first.',
      });
    },

    /**
     * Takes in the saving of a container as an image of the account. It is done in the background; `find` tells how far it is. Throws
     * Failure 6737 when the tag is taken, 6357 when the instance is being saved already.
     */
    async save(principal: Principal, request: SaveRequest): Promise<Image> {
      if (await store.saving(request.instanceId)) {
        throw new Failure({
          code: 'ModelArts.6357',
          status: 400,
          message: 'The instance is being saved as an image already.',
          solution: 'Wait until it is RUNNING again.',
        });
      }
      const now = clock.now();
      return add(
        {
          id: uuid(),
          projectId: request.projectId,
          accountId: principal.accountId,
          workspaceId: request.workspaceId,
          owner: ownerOf(principal),
          name: request.name,
          namespace: request.namespace,
          tag: request.tag,
          swrPath: accountRef(principal.accountId, request),
          description: checkedDescription(request.description),
          arch: request.like.arch,
          origin: 'IMAGE_SAVE',
          type: 'DEDICATED',
          resourceCategories: request.like.resourceCategories,
          devServices: request.like.devServices,
          serviceType: 'DEV',
          visibility: 'PRIVATE',
          status: 'INIT',
          statusMessage: 'waiting for its turn',
          size: 0,
          source: { instanceId: request.instanceId },
          createdAt: now,
          updatedAt: now,
        },
        true,
      );
    },

    /** What instances of a project and workspace can run for the caller: an image of theirs or of the default workspace. */
    async forNotebook(principal: Principal, scope: { projectId: string; workspaceId: string }, id: string) {
      const image = await find(principal, scope.projectId, id);
      if (image?.status !== 'ACTIVE' || image.devServices.length === 0) return undefined;
      if (image.workspaceId !== scope.workspaceId && image.workspaceId !== '0') return undefined;
      return { id: image.id, ref: image.swrPath, shown: imageView(image) };
    },

    /** The image that an instance is being saved as, or undefined. */
    saving: (instanceId: string) => store.saving(instanceId),

    remove,

    /** The images of one name, as listed, at least one. Throws Failure 6797 for the caller who sees none. */
    async group(principal: Principal, projectId: string, workspaceId: string, id: string): Promise<Image[]> {
      const all = await list(principal, projectId, { workspaceId, ascending: false });
      const versions = all.filter(each => groupId(each) === id);
      if (versions.length > 0) return versions;
      throw new Failure({
        code: 'ModelArts.6797',
        status: 400,
        message: `There are no images of a group ${id.slice(0, 64)} that you may use.`,
        solution: 'GET /v1/{project_id}/images/group lists the groups.',
      });
    },

    notes: store.groups,

    /** Says something of all images of a name, of which `version` is one. */
    async describeGroup(version: Image, change: { readMe?: string | undefined; tags?: ImageTag[] | undefined }) {
      if (version.type === 'BUILD_IN') throw wrong('id', 'is of images of the platform, which cannot be changed.');
      const keys = change.tags?.map(({ key }) => key) ?? [];
      if (new Set(keys).size < keys.length) throw wrong('tags', 'names a key twice.');
      await store.describeGroup(groupId(version), version, change);
    },

    /**
     * Looks again at what an image holds, which may have changed or gone since it was registered: its size, or that it is not there, in which
     * case it is fetched anew where a registry may have it. One that is being made is left alone. Throws Failure 6361 while the engine is away.
     */
    async sync(principal: Principal, projectId: string, id: string): Promise<Image> {
      const image = await get(principal, projectId, id);
      if (image.type === 'BUILD_IN' || image.status === 'INIT' || image.status === 'CREATING') return image;
      const info = await held(image.accountId, image.swrPath).catch(error => {
        if (!(error instanceof EngineUnavailable)) throw error;
        throw new Failure({
          code: 'ModelArts.6361',
          status: 503,
          message: `The container engine does not answer, so nothing is known of the image ${image.name}:${image.tag} now.`,
          solution: 'Try again in a minute.',
        });
      });
      const now = clock.now();
      const registry = image.source ? '' : parseImageRef(image.swrPath).registry;
      if (info) {
        await store.advance(id, { status: 'ACTIVE', size: info.sizeBytes, now });
      } else if (settings.registries.includes(registry)) {
        await store.fetchAgain(id, `fetching it from ${registry}`, now);
        deps.hint();
      } else {
        const statusMessage = `there is no image ${image.swrPath} on this machine any more`;
        await store.advance(id, { status: 'ERROR', statusMessage, now });
      }
      return get(principal, projectId, id);
    },

    /**
     * The reference that an image named by the caller has with the engine: that of a registered one it sees (`namespace/name:tag` is
     * enough), or of any that the engine has and that is no other account's. Undefined when there is none. While the engine is away it
     * is taken at its word where nothing has to be asked; throws EngineUnavailable otherwise.
     */
    async reference(principal: Principal, projectId: string, text: string): Promise<string | undefined> {
      const registered = await store.named(projectId, text);
      const usable = registered.find(each => each.status === 'ACTIVE' && isVisible(each, principal));
      const ref = usable?.swrPath ?? text;
      try {
        const info = await held(principal.accountId, ref);
        for (const name of info?.names ?? []) if (await isOpen(principal, name)) return ref;
        return undefined;
      } catch (error) {
        if (error instanceof EngineUnavailable && (isPlainRef(ref) || usable)) return ref;
        throw error;
      }
    },

    contents: {
      kind: 'image',
      deleteAction: 'modelarts:image:delete',
      quota: {
        resource: IMAGE_QUOTA,
        name_en: 'Images',
        name_cn: '镜像',
        unit_en: '',
        unit_cn: '个',
        max: 10_000,
      },
      count: (projectId, workspaceId) => store.count(projectId, workspaceId),
      async clear(projectId, workspaceId) {
        for (const image of await store.list(projectId, workspaceId)) {
          const busy = image.source && (image.status === 'INIT' || image.status === 'CREATING');
          if (busy || (await deps.usedBy(projectId, image.id)).length > 0) continue;
          if (isOwnRef(image.accountId, image.swrPath)) await store.markDeleted(image.id, clock.now());
          else await store.remove(image.id);
        }
        deps.hint();
        return store.count(projectId, workspaceId);
      },
    } satisfies WorkspaceContents,
  };
}

/** Throws Failure 6771 for an image that is too large to be registered. */
export function checkSize(bytes: number, settings: ImageSettings): void {
  if (bytes <= settings.largestBytes) return;
  const gb = (size: number) => (size / 1e9).toFixed(1);
  throw new Failure({
    code: 'ModelArts.6771',
    status: 400,
    message: `The image has ${gb(bytes)} GB; at most ${gb(settings.largestBytes)} GB can be registered.`,
    solution: 'Build it smaller: clear package caches and leave data out.',
  });
}

function checkedDescription(text: string): string {
  if (text.length > 512 || /[&<>"'/]/.test(text)) {
    throw wrong('description', 'has at most 512 characters, none of them & < > " \' or /.', 'ModelArts.6334');
  }
  return text;
}

function unique<T>(list: readonly T[]): T[] {
  return [...new Set(list)];
}
