import { listEnterpriseProjects } from '../../resources/enterprise-projects/enterprise-project.api.ts';
import { listAgencies, listRoles } from '../../resources/iam/policy.api.ts';
import { listProjects } from '../../resources/iam/token.api.ts';
import { listGroups, listUsers } from '../../resources/iam/user.api.ts';
import { useCall } from '../call.ts';
import { textOf } from '../parts/facts.tsx';

/** Something with an id and a name. */
export interface Named {
  id: string;
  name: string;
}

const named = (items: readonly unknown[] | undefined): Named[] =>
  (items ?? []).map(each => ({ id: textOf(each, 'id'), name: textOf(each, 'display_name') || textOf(each, 'name') }));

/** The names of an account's things, as far as the user may see them; empty where not. */
export function useUsers(enabled = true): Named[] {
  return named(useCall(listUsers, {}, { live: ['users'], enabled }).data?.users);
}
export function useGroups(enabled = true): Named[] {
  return named(useCall(listGroups, {}, { live: ['user-groups'], enabled }).data?.groups);
}
export function useAgencies(enabled = true): Named[] {
  return named(useCall(listAgencies, {}, { live: ['agencies'], enabled }).data?.agencies);
}
export function useProjects(): Named[] {
  return named(useCall(listProjects, {}, { live: ['projects'] }).data?.projects);
}
export function useEnterpriseProjects(): Named[] {
  return named(useCall(listEnterpriseProjects).data?.enterprise_projects);
}

/** A policy as far as pages look at it. */
export interface Role extends Named {
  /** The service that it belongs to. */
  service: string;
  description: string;
  custom: boolean;
  /** Of the first policy language, which the system alone has. */
  isRole: boolean;
  document: unknown;
}

export function roleOf(role: unknown): Role {
  const { policy } = role as { policy?: unknown };
  const service = textOf(role, 'catalog');
  return {
    id: textOf(role, 'id'),
    name: textOf(role, 'display_name') || textOf(role, 'name'),
    service,
    description: textOf(role, 'description'),
    custom: service === 'CUSTOMED',
    isRole: textOf(policy, 'Version') === '1.0',
    document: policy,
  };
}

/** Every policy that can be granted: undefined while that is not known, and where the user may not see them. */
export function useRoles(enabled = true): Role[] | undefined {
  const { data } = useCall(listRoles, { query: { per_page: 500 } }, { live: ['custom-policies'], enabled });
  return data?.roles.map(roleOf);
}

/** The name that goes with an id; the id itself where it is not known. */
export function nameOf(all: readonly Named[] | undefined, id: string): string {
  return all?.find(each => each.id === id)?.name ?? id;
}

/** Choices of a Select. */
export const optionsOf = (all: readonly Named[]) => all.map(({ id, name }) => ({ value: id, label: name }));
