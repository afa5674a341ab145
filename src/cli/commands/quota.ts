import * as quotaApi from '../../resources/compute-quotas/quota.api.ts';
import { listUsers } from '../../resources/iam/user.api.ts';
import { listWorkspaces } from '../../resources/workspaces/workspace.api.ts';
import { calling, type Leaf, type Options } from '../leaves.ts';
import type { Names } from '../names.ts';
import { badArgument } from '../options.ts';

const scope = [
  ['--workspace <name>', 'name or id of a workspace'],
  ['--user <name>', 'name or id of a user'],
] as const;
export const LIMITS = [
  ['--vcpus <n>', 'vCPUs'],
  ['--memory <gib>', 'GiB of memory'],
  ['--gpus <n>', 'accelerators'],
  ['--workloads <n>', 'jobs, notebooks and instances of services'],
] as const;
const also = [listWorkspaces, listUsers];

async function scopeOf(names: Names, { workspace, user }: Options) {
  return {
    ...(workspace === undefined ? {} : { workspace_id: (await names.workspace(workspace)).id }),
    ...(user === undefined ? {} : { user_id: (await names.user(user)).id }),
  };
}

/** The limits that options name; what is not named is not limited. */
export function limitsOf({ vcpus, memory, gpus, workloads }: Options) {
  const number = (flag: string, text: string | undefined) => {
    if (text === undefined) return null;
    const value = Number(text);
    if (text.trim() !== '' && value >= 0) return value;
    throw badArgument(`${flag} must be a number from 0 on.`, `Give ${flag} a number, or leave it out for no limit.`);
  };
  return {
    vcpus: number('--vcpus', vcpus),
    memory_gib: number('--memory', memory),
    gpus: number('--gpus', gpus),
    workloads: number('--workloads', workloads),
  };
}

interface Answer {
  limits: Record<string, unknown>;
  used: Record<string, unknown>;
}

/** Limit and use of each side by side. */
export function quotaRow({ limits, used }: Answer): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(used).map(name => [name, `${String(used[name])} of ${String(limits[name] ?? 'any number')}`]),
  );
}

/** `atelier quota …` */
export const quotaLeaves: readonly Leaf[] = [
  calling(quotaApi.showComputeQuota, {
    words: 'show',
    options: scope,
    example: 'quota show --user ann',
    also,
    input: async (names, _args, options) => ({ query: await scopeOf(names, options) }),
    one: answer => quotaRow(answer),
  }),
  calling(quotaApi.setComputeQuota, {
    words: 'set',
    about: 'limit what a workspace or a user may run at the same time; what is not named is not limited',
    options: [...scope, ...LIMITS],
    example: 'quota set --user ann --vcpus 4 --workloads 2',
    also,
    input: async (names, _args, options) => ({ body: { ...(await scopeOf(names, options)), ...limitsOf(options) } }),
    one: answer => quotaRow(answer),
  }),
];
