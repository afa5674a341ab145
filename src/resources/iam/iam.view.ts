import type { Principal } from '../../kernel/principal.ts';
import type { SystemPolicy } from '../../policy/index.ts';
import type { AccessKeyRow, GroupRow, PolicyRow } from './iam.schema.ts';
import { type Account, type Agency, PLATFORM_TRUST, type Project, type User } from './identity.ts';
import type { TokenClaims } from './token.ts';

/** Where the services are, for the catalog and for links. */
export interface Endpoints {
  api: string;
  obs: string;
  inference: string;
}

/** By what a federated user came in. */
export interface Federation {
  providerId: string;
  protocol: string;
  groups: readonly GroupRow[];
}

/** ISO 8601 with microseconds, as IAM writes times. */
export function iamTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

/** The page of a list that page and per_page ask for; all of it without them. */
export function onPage<T>(items: readonly T[], query: { page?: number; per_page?: number }): T[] {
  if (query.page === undefined && query.per_page === undefined) return [...items];
  const size = query.per_page ?? 100;
  const start = ((query.page ?? 1) - 1) * size;
  return items.slice(start, start + size);
}

const self = (api: string, path: string) => ({ self: `${api}${path}`, previous: null, next: null });

/** Views of identity things on the wire (reference iam.json). */
export function iamViews(endpoints: Endpoints, region: string) {
  const links = (path: string) => self(endpoints.api, path);

  function projectView(project: Project) {
    return {
      id: project.id,
      name: project.name,
      domain_id: project.accountId,
      parent_id: project.accountId,
      is_domain: false,
      enabled: project.status === 'normal',
      description: project.description,
      links: { self: `${endpoints.api}/v3/projects/${project.id}` },
    };
  }

  function policyView(policy: SystemPolicy | PolicyRow) {
    if ('document' in policy && 'account_id' in policy) {
      return {
        id: policy.id,
        name: policy.name,
        display_name: policy.display_name,
        description: policy.description,
        type: policy.type,
        catalog: 'CUSTOMED',
        domain_id: policy.account_id,
        policy: JSON.parse(policy.document) as unknown,
        created_time: String(policy.created_at),
        updated_time: String(policy.updated_at),
        links: { self: `${endpoints.api}/v3/roles/${policy.id}` },
      };
    }
    return {
      id: policy.id,
      name: policy.name,
      display_name: policy.displayName,
      description: policy.description,
      type: policy.type,
      catalog: policy.catalog,
      policy: policy.document,
      links: { self: `${endpoints.api}/v3/roles/${policy.id}` },
    };
  }

  return {
    links,
    project: projectView,
    policy: policyView,
    domain: (account: Account) => ({
      id: account.id,
      name: account.name,
      enabled: account.enabled,
      description: account.description,
      links: { self: `${endpoints.api}/v3/domains/${account.id}` },
    }),
    region: () => ({
      id: region,
      type: 'public',
      description: '',
      parent_region_id: null,
      locales: { 'en-us': region, 'zh-cn': region },
      links: { self: `${endpoints.api}/v3/regions/${region}` },
    }),
    user: (user: User) => ({
      id: user.id,
      name: user.name,
      domain_id: user.accountId,
      enabled: user.enabled,
      description: user.description,
      pwd_status: user.mustChangePassword,
      password_expires_at: null,
      access_mode: user.accessMode,
      is_domain_owner: user.isRoot,
      create_time: iamTime(user.createdAt),
      ...user.contact,
      ...(user.lastLoginAt === null ? {} : { last_login_time: iamTime(user.lastLoginAt) }),
      ...(user.passwordChangedAt === null ? {} : { modify_pwd_time: iamTime(user.passwordChangedAt) }),
      links: { self: `${endpoints.api}/v3/users/${user.id}` },
    }),
    group: (group: GroupRow) => ({
      id: group.id,
      name: group.name,
      description: group.description,
      domain_id: group.account_id,
      create_time: group.created_at,
      links: { self: `${endpoints.api}/v3/groups/${group.id}` },
    }),
    key: (key: AccessKeyRow) => ({
      access: key.access,
      user_id: key.user_id,
      status: key.status,
      description: key.description,
      create_time: iamTime(key.created_at),
    }),
    agency: (agency: Agency, trustName: string | undefined) => ({
      id: agency.id,
      name: agency.name,
      description: agency.description,
      domain_id: agency.accountId,
      trust_domain_id: agency.trust === PLATFORM_TRUST ? '' : agency.trust,
      trust_domain_name: trustName ?? '',
      duration: agency.duration,
      expire_time: agency.expiresAt === null ? null : iamTime(agency.expiresAt),
      create_time: iamTime(agency.createdAt),
    }),
    catalog(projectId: string | undefined) {
      const entry = (type: string, name: string, url: string) => ({
        id: `${type}-${region}`,
        type,
        name,
        endpoints: [{ id: `${type}-${region}-public`, interface: 'public', region, region_id: region, url }],
      });
      const project = projectId ?? '{project_id}';
      return [
        entry('iam', 'iam', `${endpoints.api}/v3`),
        entry('modelarts', 'modelarts', `${endpoints.api}/v1/${project}`),
        entry('object', 'obs', endpoints.obs),
      ];
    },
    /** The body that shows a token. */
    token(input: {
      claims: TokenClaims;
      methods: string[];
      principal: Principal;
      project: Project | undefined;
      assumedBy?: Principal;
      catalog: boolean;
      federation?: Federation | undefined;
    }) {
      const { claims, principal, project } = input;
      const domain = { id: principal.accountId, name: principal.accountName };
      return {
        token: {
          methods: input.methods,
          issued_at: iamTime(claims.iat * 1000),
          expires_at: iamTime(claims.exp * 1000),
          user: {
            id: principal.id,
            name: principal.name,
            domain,
            password_expires_at: '',
            // Until it is changed, the token is good for nothing else.
            ...(principal.mustChangePassword ? { pwd_status: true } : {}),
            ...(input.federation
              ? {
                  'OS-FEDERATION': {
                    identity_provider: { id: input.federation.providerId },
                    protocol: { id: input.federation.protocol },
                    groups: input.federation.groups.map(({ id, name }) => ({ id, name })),
                  },
                }
              : {}),
          },
          ...(project ? { project: { id: project.id, name: project.name, domain } } : { domain }),
          roles: principal.kind === 'root' ? [{ id: '0', name: 'te_admin' }] : [],
          catalog: input.catalog ? this.catalog(project?.id) : [],
          ...(input.assumedBy
            ? {
                assumed_by: {
                  user: {
                    id: input.assumedBy.id,
                    name: input.assumedBy.name,
                    domain: { id: input.assumedBy.accountId, name: input.assumedBy.accountName },
                  },
                },
              }
            : {}),
        },
      };
    },
  };
}

export type IamViews = ReturnType<typeof iamViews>;
