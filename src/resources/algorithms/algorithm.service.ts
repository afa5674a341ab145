import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { uuid } from '../../kernel/ids.ts';
import type { Paged } from '../../kernel/page.ts';
import { ownerOf, type Principal } from '../../kernel/principal.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Admit, WorkspaceContents } from '../workspaces/index.ts';
import type { AlgorithmBody } from './algorithm.api.ts';
import { type AdmitOne, type AlgorithmQuery, algorithmStore } from './algorithm.store.ts';
import { type Algorithm, checkConfig, checkNaming, type JobConfig } from './algorithm.ts';
import { asDenied, type CodeLimits, type CodeStorage, inspectBootFile, inspectCode } from './code-tree.ts';

/** What this family asks of the catalog of preset images. */
export interface EngineCatalog {
  findEngine(choice: {
    engineId?: string | undefined;
    engineName?: string | undefined;
    engineVersion?: string | undefined;
  }): { engineId: string; engineName: string; engineVersion: string; imageRef: string } | undefined;
}

export interface AlgorithmDeps {
  db: Database;
  clock: Clock;
  objects: CodeStorage;
  images: EngineCatalog;
  codeLimits?: CodeLimits | undefined;
  /** No quotas when absent. */
  workspaces?: { admit: Admit };
}

export interface Algorithms {
  create(principal: Principal, projectId: string, workspaceId: string, body: AlgorithmBody): Promise<Algorithm>;
  change(principal: Principal, projectId: string, id: string, body: AlgorithmBody): Promise<Algorithm>;
  find(projectId: string, id: string): Promise<Algorithm | undefined>;
  /** Throws Failure 2755 when there is none. */
  get(projectId: string, id: string): Promise<Algorithm>;
  list(projectId: string, query: AlgorithmQuery): Promise<Paged<Algorithm>>;
  remove(projectId: string, id: string): Promise<void>;
  contents: WorkspaceContents;
}

/** What workspaces count of algorithms. */
const ALGORITHM_QUOTA = 'algorithm.count';

/** Use cases of algorithms (behaviour/training.md 1). */
export function algorithmService(deps: AlgorithmDeps): Algorithms {
  const { clock, objects, images } = deps;
  const store = algorithmStore(deps.db);

  async function build(
    principal: Principal,
    projectId: string,
    body: AlgorithmBody,
    identity: { id: string; createdAt: number; workspaceId: string; userName: string },
  ): Promise<Algorithm> {
    checkNaming(body.metadata);
    const config = withoutNulls(body.job_config ?? {}) as JobConfig;
    const form = checkConfig(config);
    if (form === 'preset') requireEngine(images, config);
    const code = config.code_dir
      ? await inspectCode(objects, principal, config.code_dir, deps.codeLimits).catch(error => {
          throw asDenied(error, 'code_dir');
        })
      : undefined;
    if (code && config.boot_file) await inspectBootFile(objects, principal, config.boot_file, code.path);
    return {
      id: identity.id,
      projectId,
      accountId: principal.accountId,
      workspaceId: identity.workspaceId,
      name: body.metadata.name,
      description: body.metadata.description ?? '',
      userName: identity.userName,
      config,
      resourceRequirements: (body.resource_requirements ?? []).map(item => ({
        key: item.key,
        value: item.value ?? item.values ?? [],
        operator: item.operator ?? 'in',
      })),
      advancedConfig: body.advanced_config ?? {},
      size: code?.size ?? 0,
      codeTree: code?.tree,
      createdAt: identity.createdAt,
      updatedAt: clock.now(),
    };
  }

  async function save(algorithm: Algorithm, admit?: AdmitOne): Promise<Algorithm> {
    if (await store.save(algorithm, admit)) return algorithm;
    throw new Failure({
      code: 'ModelArts.2821',
      status: 400,
      message: `DuplicateAlgorithmName: an algorithm named ${algorithm.name} exists already.`,
      solution: 'Choose another name, or change that algorithm.',
    });
  }

  const service: Algorithms = {
    async create(principal, projectId, workspaceId, body) {
      const algorithm = await build(principal, projectId, body, {
        id: uuid(),
        createdAt: clock.now(),
        workspaceId,
        userName: ownerOf(principal).name,
      });
      return save(algorithm, async (used, trx) =>
        deps.workspaces?.admit(projectId, workspaceId, ALGORITHM_QUOTA, used, trx),
      );
    },
    async change(principal, projectId, id, body) {
      const old = await service.get(projectId, id);
      return save(await build(principal, projectId, body, old));
    },
    find: (projectId, id) => store.find(projectId, id),
    async get(projectId, id) {
      const found = await store.find(projectId, id);
      if (found) return found;
      throw new Failure({
        code: 'ModelArts.2755',
        status: 400,
        message: `AiAlgorithmNotFound: there is no algorithm ${id.slice(0, 64)} in this project.`,
        solution: 'GET /v2/{project_id}/algorithms lists them.',
      });
    },
    list: (projectId, query) => store.list(projectId, query),
    async remove(projectId, id) {
      if (!(await store.remove(projectId, id))) await service.get(projectId, id);
    },
    contents: {
      kind: 'algorithm',
      deleteAction: 'modelarts:aiAlgorithm:delete',
      quota: {
        resource: ALGORITHM_QUOTA,
        name_en: 'Algorithms',
        name_cn: '算法',
        unit_en: '',
        unit_cn: '个',
        max: 10_000,
      },
      count: store.count,
      async clear(projectId, workspaceId) {
        await store.removeAll(projectId, workspaceId);
        return store.count(projectId, workspaceId);
      },
    },
  };
  return service;
}

/** The preset engine a configuration names. Throws Failure 2780. */
export function requireEngine(images: EngineCatalog, config: JobConfig): ReturnType<EngineCatalog['findEngine']> & {} {
  const engine = config.engine ?? {};
  const found = images.findEngine({
    ...(engine.engine_id ? { engineId: engine.engine_id } : {}),
    ...(engine.engine_name ? { engineName: engine.engine_name } : {}),
    ...(engine.engine_version ? { engineVersion: engine.engine_version } : {}),
  });
  if (found) return found;
  const named = engine.engine_id ?? [engine.engine_name, engine.engine_version].filter(Boolean).join(' ');
  throw new Failure({
    code: 'ModelArts.2780',
    status: 400,
    message: `EngineNotFound: there is no engine ${named.slice(0, 200)}.`,
    solution: 'GET /v2/{project_id}/training-job-engines lists the engines.',
  });
}

/** A copy without null members, at every depth: clients send null for what they leave out. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([name, member]) => [name, withoutNulls(member)]),
  );
}
