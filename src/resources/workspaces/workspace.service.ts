import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { hexId } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { EnterpriseProjects } from '../enterprise-projects/index.ts';
import { type GrantIam, type GrantInput, resolveGrants } from './grants.ts';
import type { WorkspaceStore } from './workspace.store.ts';
import {
  AUTH_TYPES,
  checkFields,
  checkNormal,
  DEFAULT_ID,
  defaultWorkspace,
  invalid,
  LIMIT,
  missing,
  oneOfAnyCase,
  readOnly,
  type Workspace,
} from './workspace.ts';

export interface WorkspaceInput {
  name?: string | undefined;
  description?: string | undefined;
  authType?: string | undefined;
  enterpriseProjectId?: string | undefined;
  grants?: readonly GrantInput[] | undefined;
}

/** A workspace with the name of its enterprise project. */
export interface NamedWorkspace {
  workspace: Workspace;
  enterpriseProjectName: string;
}

export interface WorkspaceServiceDeps {
  store: WorkspaceStore;
  clock: Clock;
  iam: GrantIam;
  enterpriseProjects: Pick<EnterpriseProjects, 'find'>;
  /** Whom a workspace admits may have changed. */
  changed(): void;
}

export type WorkspaceService = ReturnType<typeof workspaceService>;

/** Use cases of workspaces. All on one throw Failure 400 ModelArts.7005 when it is not in the project. */
export function workspaceService(deps: WorkspaceServiceDeps) {
  const { store, clock, iam, enterpriseProjects } = deps;

  async function named(workspace: Workspace): Promise<NamedWorkspace> {
    const found = await enterpriseProjects.find(workspace.accountId, workspace.enterpriseProjectId);
    return { workspace, enterpriseProjectName: found?.name ?? '' };
  }

  const defaultOf = (principal: Principal, projectId: string) =>
    defaultWorkspace(principal.accountId, projectId, principal.accountName);

  return {
    async show(principal: Principal, projectId: string, id: string): Promise<NamedWorkspace> {
      const found = id === DEFAULT_ID ? defaultOf(principal, projectId) : await store.find(projectId, id);
      if (!found) throw missing(id);
      return named(found);
    },

    /** All of a project, the default one included. */
    async list(principal: Principal, projectId: string): Promise<NamedWorkspace[]> {
      const all = [defaultOf(principal, projectId), ...(await store.list(projectId))];
      return Promise.all(all.map(named));
    },

    /** Throws Failure 400: 0104 for bad fields, 3566 for the default one's name, 7006 over the limit. */
    async create(principal: Principal, projectId: string, input: WorkspaceInput & { name: string }) {
      const { accountId } = principal;
      const { name, description = '', authType = 'PUBLIC', enterpriseProjectId = '0', grants = [] } = input;
      checkFields({ name, description });
      const now = clock.now();
      const workspace: Workspace = {
        id: hexId(),
        accountId,
        projectId,
        name,
        description,
        authType: oneOfAnyCase('auth_type', AUTH_TYPES, authType),
        grants: await resolveGrants(iam, accountId, grants),
        enterpriseProjectId,
        ...ownerOf(principal),
        status: 'NORMAL',
        statusInfo: '',
        createdAt: now,
        updatedAt: now,
      };
      await store.transaction(async (rows, trx) => {
        // In the transaction, so that the enterprise project is not deleted meanwhile.
        const bound = await enterpriseProjects.find(accountId, enterpriseProjectId, trx);
        if (!bound?.enabled) {
          throw invalid(
            `Parameter [enterprise_project_id]: ${
              bound
                ? `the enterprise project ${bound.name} is disabled.`
                : `there is no enterprise project ${enterpriseProjectId.slice(0, 64)} in this account.`
            }`,
            'GET /v1.0/enterprise-projects lists them; "0" is the default one.',
          );
        }
        if ((await rows.count(projectId)) >= LIMIT) {
          throw new Failure({
            code: 'ModelArts.7006',
            status: 400,
            message: `The limit of ${LIMIT} workspaces of a project is reached.`,
            solution: 'Delete workspaces that nobody uses.',
          });
        }
        await rows.insert(workspace);
      });
      return named(workspace);
    },

    /** What is left out stays as it is. Throws Failure 400: 0104 for bad fields, 3566 for the default one, 7004 while it is deleted. */
    async update(principal: Principal, projectId: string, id: string, input: WorkspaceInput): Promise<void> {
      if (id === DEFAULT_ID) throw readOnly();
      const { name, description, authType, enterpriseProjectId } = input;
      const grants = input.grants && (await resolveGrants(iam, principal.accountId, input.grants));
      await store.transaction(async rows => {
        const before = await rows.find(projectId, id);
        if (!before) throw missing(id);
        checkNormal(before);
        checkFields({ name: name ?? before.name, description: description ?? before.description });
        if (enterpriseProjectId !== undefined && enterpriseProjectId !== before.enterpriseProjectId) {
          throw invalid(
            'Parameter [enterprise_project_id] cannot be changed: it is set when a workspace is created.',
            'Create another workspace with this enterprise_project_id.',
          );
        }
        const patch = {
          ...(name === undefined ? {} : { name }),
          ...(description === undefined ? {} : { description }),
          ...(authType === undefined ? {} : { authType: oneOfAnyCase('auth_type', AUTH_TYPES, authType) }),
          ...(grants === undefined ? {} : { grants }),
        };
        await rows.update(id, patch, clock.now());
      });
      deps.changed();
    },
  };
}

/** Whose it is: of an agency's session, the user of this account for whom it works. */
function ownerOf(principal: Principal): Pick<Workspace, 'ownerId' | 'ownerName'> {
  const { onBehalfOf, accountId } = principal;
  const user = onBehalfOf && (onBehalfOf.accountId ?? accountId) === accountId ? onBehalfOf : principal;
  return { ownerId: user.id, ownerName: user.name };
}
