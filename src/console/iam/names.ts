import { useQuery } from '@tanstack/react-query';
import { listEnterpriseProjects } from '../../resources/enterprise-projects/enterprise-project.api.ts';
import { listAgencies, listRoles } from '../../resources/iam/policy.api.ts';
import { listProjects } from '../../resources/iam/token.api.ts';
import { listGroups, listUsers } from '../../resources/iam/user.api.ts';
import { queryOf } from '../call.ts';
import { textOf } from '../parts/facts.tsx';

/** Something with an id and a name. */
export interface Named {
  id: string;
  name: string;
}

const named = (items: readonly unknown[]): Named[] =>
  items.map(each => ({ id: textOf(each, 'id'), name: textOf(each, 'display_name') || textOf(each, 'name') }));

/** The names of an account's things, as far as the user may see them. */
export function useUsers(enabled = true) {
  return useQuery({ ...queryOf(listUsers, {}, ['users']), enabled, select: ({ users }) => named(users) });
}
export function useGroups(enabled = true) {
  return useQuery({ ...queryOf(listGroups, {}, ['user-groups']), enabled, select: ({ groups }) => named(groups) });
}
export function useAgencies(enabled = true) {
  return useQuery({ ...queryOf(listAgencies, {}, ['agencies']), enabled, select: ({ agencies }) => named(agencies) });
}
export function useProjects() {
  return useQuery({ ...queryOf(listProjects, {}, ['projects']), select: ({ projects }) => named(projects) });
}
export function useEnterpriseProjects() {
  return useQuery({ ...queryOf(listEnterpriseProjects), select: answer => named(answer.enterprise_projects) });
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

/** Every policy that can be granted, where the user may see them. */
export function useRoles(enabled = true) {
  const query = queryOf(listRoles, { query: { per_page: 500 } }, ['custom-policies']);
  return useQuery({ ...query, enabled, select: ({ roles }) => roles.map(roleOf) });
}

/** The name that goes with an id; the id itself where it is not known. */
export function nameOf(all: readonly Named[] | undefined, id: string): string {
  return all?.find(each => each.id === id)?.name ?? id;
}

/** Choices of a Select. */
export const optionsOf = (all: readonly Named[] = []) => all.map(({ id, name }) => ({ value: id, label: name }));
