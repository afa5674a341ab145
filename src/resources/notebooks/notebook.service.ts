import { uuid } from '../../kernel/ids.ts';
import { ownerOf, type Principal } from '../../kernel/principal.ts';
import { workloadId } from './notebook.container.ts';
import type { Endpoint, Notebook, NotebookEvent, NotebookSpec } from './notebook.model.ts';
import type { NotebookSettings, NotebooksDeps } from './notebook.ports.ts';
import {
  checkDescription,
  checkFeature,
  checkHooks,
  checkName,
  checkUnsupported,
  given,
  otherPool,
  type RawEndpoint,
  type RawHooks,
  type RawRule,
  refuse,
  ruleType,
  stopRule,
} from './notebook.request.ts';
import { notebookResolver, type Place } from './notebook.resolver.ts';
import { type RawSearch, searchOf } from './notebook.search.ts';
import { wrongState } from './notebook.states.ts';
import type { NotebookStore } from './notebook.store.ts';
import { canDelete, canStart, canStop, type StopRule, stopsAt } from './notebook.ts';
import { checkServices, checkSsh } from './ssh.check.ts';
import { checkDataVolumes, checkGrowth, checkVolume, type RawVolume } from './volume.request.ts';

/** What workspaces count of notebook instances. */
export const NOTEBOOK_QUOTA = 'notebook.count';

export interface CreateBody {
  name?: string | null;
  description?: string | null;
  feature?: string | null;
  flavor?: string | null;
  image_id?: string | null;
  pool_id?: string | null;
  volume?: RawVolume | null;
  endpoints?: RawEndpoint[] | null;
  lease?: RawRule | null;
  duration?: number | null;
  hooks?: RawHooks | null;
  custom_spec?: unknown;
  data_volumes?: RawVolume[] | null;
  user_vpc?: unknown;
}

export interface UpdateBody {
  name?: string | null;
  description?: string | null;
  flavor?: string | null;
  image_id?: string | null;
  pool_id?: string | null;
  endpoints?: RawEndpoint[] | null;
  hooks?: RawHooks | null;
  storage_new_size?: number | null;
  custom_spec?: unknown;
  data_volumes?: RawVolume[] | null;
}

export interface NotebookServiceDeps {
  deps: NotebooksDeps;
  settings: NotebookSettings;
  store: NotebookStore;
  /** Tells the loop that an instance wants to be looked at; `interrupt` cuts short what it is doing. */
  wake(id: string, options?: { interrupt?: boolean }): Promise<void>;
}

export type NotebookService = ReturnType<typeof notebookService>;

/** Use cases of notebook instances (behaviour/notebooks.md 1). */
export function notebookService({ deps, settings, store, wake }: NotebookServiceDeps) {
  const { clock } = deps;
  const resolver = notebookResolver(deps, settings, store);
  const { flavorOf, imageOf, poolOf, endpointsOf, volumeOf, dataVolumesOf, checkRoom, checkDisk, agencyOf } = resolver;

  async function get(projectId: string, id: string): Promise<Notebook> {
    const notebook = await store.findInProject(projectId, id);
    if (notebook) return notebook;
    throw refuse(
      '6309',
      `There is no notebook instance ${id.slice(0, 64)} in this project.`,
      'GET /v1/{project_id}/notebooks lists your instances.',
    );
  }

  async function create(principal: Principal, place: Place, raw: CreateBody): Promise<Notebook> {
    const body = given(raw);
    checkUnsupported(body);
    const name = checkName(body.name);
    const description = checkDescription(body.description ?? '');
    const feature = checkFeature(body.feature);
    const flavor = flavorOf(body.flavor);
    const asked = checkVolume(body.volume);
    const askedData = checkDataVolumes(body.data_volumes ?? []);
    const hooks = checkHooks(body.hooks);
    const now = clock.now();
    const rule = stopRule(
      body.duration === undefined ? (body.lease ?? {}) : { type: 'timing', duration: body.duration },
      { type: 'timing', duration: settings.defaultRunMs },
      settings,
      now,
    );
    const image = await imageOf(principal, place, body.image_id);
    const pool = await poolOf(principal.accountId, place, body.pool_id, flavor);
    const endpoints = await endpointsOf(principal, place.projectId, body.endpoints ?? []);
    checkServices(image, endpoints);
    const agency = await agencyOf(principal, place.projectId);
    const volume = await volumeOf(principal.accountName, asked);
    const dataVolumes = await dataVolumesOf(principal.accountName, askedData);
    const volumeBytes = asked.share ? 0 : asked.bytes;
    await checkRoom(volumeBytes + settings.layerBytes);
    const user = ownerOf(principal);
    const notebook: Notebook = {
      id: uuid(),
      ...place,
      accountId: principal.accountId,
      accountName: principal.accountName,
      name,
      description,
      feature,
      userId: user.id,
      userName: user.name,
      agency,
      startedBy: user,
      spec: { image, flavor, pool, volume, dataVolumes, endpoints, hooks },
      step: 'created',
      desired: 'run',
      fault: null,
      ran: false,
      snapshot: null,
      status: 'INIT',
      failReason: null,
      failedAt: null,
      token: uuid(),
      run: 1,
      volumeBytes,
      volumeMadeBytes: 0,
      stopRule: rule,
      tags: [],
      createdAt: now,
      updatedAt: now,
      startedAt: null,
      activeAt: now,
    };
    await store.insert(notebook, event(now, `Notebook instance created by ${user.name}.`), async (used, trx) => {
      if (feature === 'DEFAULT' && used.ofFeature > 0) {
        throw refuse('6301', 'There is one instance of feature DEFAULT for each user, and yours exists already.');
      }
      if (used.account >= settings.quota) {
        throw refuse(
          '0113',
          `The account has ${used.account} notebook instances; the quota is ${settings.quota}.`,
          'Delete instances that are no longer needed.',
        );
      }
      await deps.workspaces?.admit(place.projectId, place.workspaceId, NOTEBOOK_QUOTA, used.workspace, trx);
      await checkDisk(pool, volumeBytes, trx);
    });
    await wake(notebook.id);
    return notebook;
  }

  async function update(principal: Principal, projectId: string, id: string, raw: UpdateBody): Promise<Notebook> {
    const body = given(raw);
    checkUnsupported(body);
    const notebook = await get(projectId, id);
    const { spec } = notebook;
    const flavor = body.flavor === undefined ? spec.flavor : flavorOf(body.flavor);
    const poolId = otherPool(spec, body.pool_id);
    const next: NotebookSpec = {
      ...spec,
      flavor,
      ...(body.flavor === undefined && poolId === undefined
        ? {}
        : { pool: await poolOf(notebook.accountId, notebook, poolId ?? spec.pool?.id, flavor) }),
      ...(body.image_id === undefined ? {} : { image: await imageOf(principal, notebook, body.image_id) }),
      ...(body.endpoints === undefined ? {} : { endpoints: await endpointsOf(principal, projectId, body.endpoints) }),
      ...(body.hooks === undefined ? {} : { hooks: checkHooks(body.hooks) }),
      ...(body.data_volumes === undefined
        ? {}
        : { dataVolumes: await dataVolumesOf(notebook.accountName, checkDataVolumes(body.data_volumes)) }),
    };
    const name = body.name === undefined ? undefined : checkName(body.name);
    const description = body.description === undefined ? undefined : checkDescription(body.description);
    const volumeBytes =
      body.storage_new_size === undefined
        ? undefined
        : checkGrowth(spec.volume, notebook.volumeBytes, body.storage_new_size);
    if (volumeBytes !== undefined) await checkRoom(volumeBytes - notebook.volumeBytes);
    // Growth, and who may come in by SSH, may change while it runs; everything else when it is stopped.
    const onlyLive =
      Object.keys(body).every(member => member === 'storage_new_size' || member === 'endpoints') &&
      sameButAllowList(spec.endpoints, next.endpoints);
    const outcome = await store.update(
      id,
      {
        ...(name === undefined ? {} : { name }),
        ...(description === undefined ? {} : { description }),
        ...(next === spec ? {} : { spec: next }),
        ...(volumeBytes === undefined ? {} : { volumeBytes }),
      },
      found =>
        (canStart(found.status) || (onlyLive && found.status === 'RUNNING')) &&
        (volumeBytes === undefined || volumeBytes > found.volumeBytes),
      clock.now(),
      async (found, trx) => {
        const bytes = volumeBytes ?? found.volumeBytes;
        const moves = next.pool?.id !== found.spec.pool?.id;
        await checkDisk(next.pool, moves ? bytes : bytes - found.volumeBytes, trx);
      },
    );
    if (!outcome?.changed) {
      throw refuse(
        '6347',
        `The instance is ${outcome?.before ?? 'gone'}: while it runs, only its storage can grow and the addresses allowed for SSH can change.`,
        'Stop it, change it, and start it again.',
      );
    }
    if (volumeBytes !== undefined) {
      await store.event(id, event(clock.now(), `Storage shall grow to ${volumeBytes / 1024 ** 3} GB.`));
    }
    await wake(id, { interrupt: true });
    return get(projectId, id);
  }

  async function start(principal: Principal, projectId: string, id: string, raw: RawRule): Promise<Notebook> {
    const notebook = await get(projectId, id);
    const { pool, flavor } = notebook.spec;
    // It may have been deleted or changed since; else the instance would wait for ever.
    if (pool && canStart(notebook.status)) await poolOf(notebook.accountId, notebook, pool.id, flavor);
    if (canStart(notebook.status)) await checkRoom(settings.layerBytes);
    const now = clock.now();
    const by = ownerOf(principal);
    const rule = stopRule(
      raw,
      { type: notebook.stopRule.type, duration: durationKept(notebook.stopRule) },
      settings,
      now,
    );
    // The keys of the present way in must be the starter's to use (behaviour/notebooks.md 4).
    for (const endpoint of notebook.spec.endpoints) {
      if (endpoint.service === 'SSH') await checkSsh(deps, principal, projectId, endpoint);
    }
    const outcome = await store.restart(id, { token: uuid(), by, stopRule: rule }, canStart, now);
    if (!outcome?.changed) throw wrongState(outcome?.before, 'start');
    const whose = by.id === notebook.userId ? '' : ` It belongs to ${notebook.userName}, whose agency it works by.`;
    await store.event(id, event(now, `Notebook instance is being started by ${by.name}.${whose}`));
    await wake(id, { interrupt: true });
    return get(projectId, id);
  }

  /** A renewal may have made it longer than a start may ask for. */
  function durationKept(rule: StopRule): number {
    return Math.min(Math.max(rule.duration, settings.shortestRunMs), settings.longestRunMs);
  }

  async function end(
    principal: Principal,
    projectId: string,
    id: string,
    desired: 'stop' | 'delete',
  ): Promise<Notebook> {
    const notebook = await get(projectId, id);
    const now = clock.now();
    const outcome = await store.desire(id, desired, desired === 'stop' ? canStop : canDelete, now);
    if (!outcome?.changed) throw wrongState(outcome?.before, desired);
    const what = desired === 'stop' ? 'stopped' : 'deleted';
    await store.event(id, event(now, `Notebook instance is being ${what} by ${ownerOf(principal).name}.`));
    await wake(id, { interrupt: true });
    return (await store.find(id)) ?? { ...notebook, desired: 'delete', status: 'DELETED' };
  }

  async function renew(projectId: string, id: string, raw: RawRule): Promise<StopRule> {
    const { status, stopRule: present } = await get(projectId, id);
    if (status !== 'RUNNING') {
      throw refuse('6347', `The instance is ${status}; when it stops can be changed while it is RUNNING.`);
    }
    if (raw.duration === undefined || raw.duration === null) {
      throw refuse('6348', 'Parameter [duration] is required: milliseconds, counted from lease.create_at.');
    }
    const now = clock.now();
    const type = ruleType(raw.type) ?? present.type;
    const { duration } = raw;
    if (!Number.isInteger(duration) || duration < settings.shortestRunMs) {
      throw refuse('6349', `Parameter [duration] should be at least ${settings.shortestRunMs} milliseconds.`);
    }
    const rule: StopRule = { type, duration, createdAt: present.createdAt, updatedAt: now };
    const at = stopsAt(rule, now);
    if (at <= now) {
      throw refuse(
        '6346',
        'Parameter [duration]: the instance would have had to stop already; it is counted from lease.create_at.',
        `To go on for an hour from now, send ${now - present.createdAt + 3_600_000}.`,
      );
    }
    if (at - now > settings.longestRunMs) {
      throw refuse(
        '6349',
        `Parameter [duration]: an instance stops within ${settings.longestRunMs} milliseconds from now.`,
      );
    }
    const outcome = await store.setStopRule(id, rule);
    if (!outcome?.changed) throw refuse('6347', `The instance is ${outcome?.before ?? 'gone'}.`);
    await store.event(
      id,
      event(
        now,
        `Automatic stop changed: ${type === 'idle' ? 'when idle since' : 'at'} ${new Date(at).toISOString()}.`,
      ),
    );
    await wake(id, { interrupt: true });
    return rule;
  }

  async function changeTags(
    projectId: string,
    id: string,
    change: (present: Notebook['tags']) => Notebook['tags'],
  ): Promise<void> {
    await get(projectId, id);
    await store.setTags(id, change);
  }

  return {
    create,
    get,
    update,
    start,
    stop: (principal: Principal, projectId: string, id: string) => end(principal, projectId, id, 'stop'),
    remove: (principal: Principal, projectId: string, id: string) => end(principal, projectId, id, 'delete'),
    renew,

    async list(principal: Principal, place: Place, query: RawSearch, all: boolean) {
      const { total, notebooks } = await store.search(searchOf(principal, place, query, all));
      return { total, items: notebooks };
    },

    /** The queue's word on an instance that waits, if it does. */
    queueOf: async (notebook: Notebook) =>
      notebook.step === 'queued' ? deps.admission.status(workloadId(notebook.id)) : undefined,

    flavors: () => deps.flavors.list(),

    /** The tags of a workspace's instances: each key with its values. */
    async tagsOf(place: Place): Promise<Map<string, Set<string>>> {
      const found = new Map<string, Set<string>>();
      for (const { tags } of await store.inWorkspace(place.projectId, place.workspaceId)) {
        for (const { key, value } of tags) found.set(key, (found.get(key) ?? new Set()).add(value));
      }
      return found;
    },

    /** Adds tags; one of a key that is there replaces it. At most 20, keys to 36 and values to 43 characters. */
    tag: (projectId: string, id: string, tags: Notebook['tags']) =>
      changeTags(projectId, id, present => {
        const wrong = tags.find(({ key, value }) => !/^[^=*<>\\,|/]{1,36}$/.test(key) || value.length > 43);
        if (wrong) {
          throw refuse(
            '6334',
            `Parameter [tags]: the key "${wrong.key.slice(0, 36)}" or its value is too long or has a character that tags do not take.`,
          );
        }
        const next = [...new Map([...present, ...tags].map(tag => [tag.key, tag])).values()];
        if (next.length > 20) throw refuse('6336', 'Parameter [tags]: an instance has at most 20 tags.');
        return next;
      }),

    untag: (projectId: string, id: string, tags: readonly { key: string; value?: string | undefined }[]) =>
      changeTags(projectId, id, present =>
        present.filter(({ key, value }) => !tags.some(tag => tag.key === key && (!tag.value || tag.value === value))),
      ),

    async events(projectId: string, id: string, query: { offset: number; limit: number; order: 'asc' | 'desc' }) {
      await get(projectId, id);
      return store.events(id, query);
    },
  };
}

function sameButAllowList(before: readonly Endpoint[], after: readonly Endpoint[]): boolean {
  const plain = (endpoints: readonly Endpoint[]) =>
    JSON.stringify(endpoints.map(({ service, keyPairs }) => ({ service, keyPairs })));
  return plain(before) === plain(after);
}

function event(time: number, message: string): NotebookEvent {
  return { time, level: 'Info', message };
}
