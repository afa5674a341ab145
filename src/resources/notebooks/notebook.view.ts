import type { WorkloadStatus } from '../../admission/index.ts';
import type { Flavor } from '../flavors/index.ts';
import { sharedDirectoryId, shownPlace } from '../shared-directories/index.ts';
import { type Hook, type Notebook, type NotebookEvent, servesWeb } from './notebook.model.ts';
import { WORK_DIR } from './notebook.paths.ts';
import { progressOf, type StopRule } from './notebook.ts';

const GB = 1024 ** 3;

/** Who looks at an instance, and from where. */
export interface Viewer {
  /** Whether the token may be shown. */
  mayOpen: boolean;
  /** Public address of the proxy. */
  address: string;
  /** The queue's word, where it waits. */
  queue?: WorkloadStatus | undefined;
  /** Where SSH comes in, if it does. */
  sshUri?: string | undefined;
}

/** An instance as the API shows it (behaviour/notebooks.md 1). Address and token only while it is usable. */
export function notebookView(notebook: Notebook, viewer: Viewer) {
  const { spec, status } = notebook;
  const usable = status === 'RUNNING';
  const waiting = viewer.queue?.state === 'queued' ? viewer.queue.reason : undefined;
  return {
    id: notebook.id,
    name: notebook.name,
    description: notebook.description,
    feature: notebook.feature,
    status,
    ...(notebook.failReason === null ? {} : { fail_reason: notebook.failReason }),
    flavor: spec.flavor.id,
    workspace_id: notebook.workspaceId,
    ...(usable && viewer.mayOpen && servesWeb(spec.image)
      ? { url: `${viewer.address}/${notebook.id}/lab`, token: notebook.token }
      : {}),
    action_progress: progressOf(notebook, notebook.failedAt, waiting).map(part => ({
      notebook_id: notebook.id,
      ...part,
      description: part.step_description,
    })),
    endpoints: spec.endpoints.map(endpoint => ({
      service: endpoint.service,
      ...(endpoint.service === 'SSH' && viewer.sshUri ? { uri: viewer.sshUri } : {}),
      dev_service: endpoint.service,
      key_pair_names: endpoint.keyPairs,
      ssh_keys: endpoint.keyPairs,
      allowed_access_ips: endpoint.allowedIps,
    })),
    image: spec.image.shown,
    image_id: spec.image.id,
    lease: leaseView(notebook.stopRule),
    volume: {
      category: spec.volume.category,
      ...(spec.volume.shared
        ? {
            ownership: 'DEDICATED',
            uri: shownPlace(spec.volume.shared),
            id: sharedDirectoryId(spec.volume.shared.name),
            read_only: spec.volume.shared.readOnly,
          }
        : { ownership: 'MANAGED', capacity: Math.round(notebook.volumeBytes / GB) }),
      mount_path: `${WORK_DIR}/`,
      status: notebook.volumeMadeBytes < notebook.volumeBytes && usable ? 'RESIZING' : 'MOUNTED',
    },
    data_volumes: (spec.dataVolumes ?? []).map(({ name, place }) => ({
      category: 'EFS',
      ownership: 'DEDICATED',
      uri: shownPlace(place),
      url: shownPlace(place),
      id: sharedDirectoryId(place.name),
      mount_path: `/data/${name}/`,
      mount_type: 'STATIC',
      read_only: place.readOnly,
      status: usable ? 'MOUNTED' : 'UNMOUNTED',
    })),
    ...(spec.pool ? { pool: spec.pool } : {}),
    hooks: {
      container_hooks: {
        ...(spec.hooks.preStart ? { pre_start: hookView(spec.hooks.preStart) } : {}),
        ...(spec.hooks.postStart ? { post_start: hookView(spec.hooks.postStart) } : {}),
      },
    },
    user: {
      id: notebook.userId,
      name: notebook.userName,
      domain: { id: notebook.accountId, name: notebook.accountName },
    },
    user_id: notebook.userId,
    billing_items: ['COMPUTE', 'STORAGE'],
    tags: notebook.tags,
    create_at: notebook.createdAt,
    update_at: notebook.updatedAt,
  };
}

function hookView(hook: Hook) {
  return {
    type: hook.type,
    script: hook.type === 'COMMAND' ? Buffer.from(hook.script).toString('base64') : hook.script,
  };
}

export function leaseView(rule: StopRule) {
  return {
    create_at: rule.createdAt,
    duration: rule.duration,
    enable: true,
    type: rule.type.toUpperCase(),
    update_at: rule.updatedAt,
  };
}

/** A size of instances as the API shows it; memory is in KB. */
export function flavorView(flavor: Flavor) {
  return {
    id: flavor.id,
    name: flavor.name,
    description: flavor.name,
    arch: process.arch === 'arm64' ? 'AARCH64' : 'X86_64',
    category: flavor.type,
    feature: 'NOTEBOOK',
    free: true,
    vcpus: flavor.vcpus,
    memory: flavor.memoryBytes / 1024,
    sold_out: false,
    storages: ['EVS', 'EFS', 'EFS_DEDICATED'],
    billing: { code: flavor.id, unit_num: 1 },
    ...(flavor.gpus > 0 ? { gpu: { gpu: flavor.gpus, type: 'GPU', gpu_memory: '' } } : {}),
  };
}

/** One page of a list (reference api/README 2.2). */
export function pageView<T>(all: { total: number; items: T[] }, query: { limit?: number; offset?: number }) {
  const limit = query.limit ?? 10;
  return {
    current: Math.floor((query.offset ?? 0) / limit),
    data: all.items,
    pages: Math.ceil(all.total / limit),
    size: all.items.length,
    total: all.total,
  };
}

export function eventView(event: NotebookEvent) {
  return { time: new Date(event.time).toISOString(), level: event.level, message: event.message };
}
