import type { Session } from '../client/session.ts';
import { Failure } from '../kernel/failure.ts';
import { listEnterpriseProjects } from '../resources/enterprise-projects/enterprise-project.api.ts';
import * as policyApi from '../resources/iam/policy.api.ts';
import * as tokenApi from '../resources/iam/token.api.ts';
import * as userApi from '../resources/iam/user.api.ts';
import { listWorkspaces } from '../resources/workspaces/workspace.api.ts';

/** A thing as answers show it. */
export type Shown = Record<string, unknown> & { id: string; name: string };

const ID = /^0$|^[0-9a-f]{32}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Finds things of the account by the names that people type; ids are taken as well. */
export class Names {
  readonly session: Session;
  #account: string | undefined;

  constructor(session: Session) {
    this.session = session;
  }

  /** Id of the caller's account. */
  async account(): Promise<string> {
    if (!this.#account) {
      const { domains } = await this.session.call(tokenApi.listAuthDomains);
      this.#account = (domains[0] as Shown).id;
    }
    return this.#account;
  }

  /** The caller: a user, or the agency it works through. */
  async self(): Promise<Shown> {
    const { key, token, password } = this.session.profile;
    if (key && !token && !password) {
      // No token shows whose an access key is; the list of one's own keys does.
      const { credentials } = await this.session.call(userApi.listKeys);
      const own = (credentials as Shown[]).find(each => each.access === key.access);
      if (own) return { id: String(own.user_id), name: 'the owner of the access key' };
    }
    const headers = { 'x-subject-token': await this.session.token() };
    const { token: shown } = await this.session.call(tokenApi.validateToken, { headers });
    return shown.user as Shown;
  }

  async users(): Promise<Shown[]> {
    return (await this.session.call(userApi.listUsers)).users as Shown[];
  }

  async groups(): Promise<Shown[]> {
    return (await this.session.call(userApi.listGroups)).groups as Shown[];
  }

  async agencies(): Promise<Shown[]> {
    return (await this.session.call(policyApi.listAgencies)).agencies as Shown[];
  }

  async projects(): Promise<Shown[]> {
    return (await this.session.call(tokenApi.listProjects)).projects as Shown[];
  }

  /** System-defined policies and the account's own. */
  async policies(): Promise<Shown[]> {
    return (await this.session.call(policyApi.listRoles)).roles as Shown[];
  }

  async workspaces(): Promise<Shown[]> {
    return (await this.session.call(listWorkspaces)).workspaces;
  }

  async enterpriseProjects(): Promise<Shown[]> {
    return (await this.session.call(listEnterpriseProjects)).enterprise_projects;
  }

  /** A user; whoever may not list users still finds itself. */
  async user(name: string): Promise<Shown> {
    try {
      return await find('user', name, () => this.users());
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const self = await this.self();
      if (self.name === name) return self;
      throw error;
    }
  }

  group(name: string): Promise<Shown> {
    return find('group', name, () => this.groups());
  }

  agency(name: string): Promise<Shown> {
    return find('agency', name, () => this.agencies());
  }

  project(name: string): Promise<Shown> {
    return find('project', name, () => this.projects());
  }

  policy(name: string): Promise<Shown> {
    return find('policy', name, () => this.policies());
  }

  workspace(name: string): Promise<Shown> {
    return find('workspace', name, () => this.workspaces());
  }

  enterpriseProject(name: string): Promise<Shown> {
    return find('enterprise project', name, () => this.enterpriseProjects());
  }
}

/** What `list` tells, or nothing to whoever may not ask. */
export async function ifAllowed(list: Promise<Shown[]>): Promise<Shown[]> {
  return list.catch(error => {
    if (isRefusal(error)) return [];
    throw error;
  });
}

function isRefusal(error: unknown): boolean {
  return error instanceof Failure && error.status === 403;
}

/** The one of this id or name among what `list` tells; an id is believed where listing is refused. */
export async function find(what: string, wanted: string, list: () => Promise<readonly Shown[]>): Promise<Shown> {
  try {
    return pick(what, wanted, await list());
  } catch (error) {
    if (isRefusal(error) && ID.test(wanted)) return { id: wanted, name: wanted };
    throw error;
  }
}

/** The one of this id or name (for policies: display name). Throws Failure with the nearest ones. */
export function pick(what: string, wanted: string, all: readonly Shown[]): Shown {
  const nameOf = (thing: Shown) => String(thing.display_name ?? thing.name);
  const found =
    all.find(thing => thing.id === wanted) ?? all.find(thing => nameOf(thing) === wanted || thing.name === wanted);
  if (found) return found;
  const close = all.map(nameOf).filter(name => name.toLowerCase().includes(wanted.toLowerCase()));
  const known = (close.length > 0 ? close : all.map(nameOf)).slice(0, 10).join(', ');
  throw new Failure({
    code: 'Atelier.NotFound',
    status: 404,
    message: `There is no ${what} ${ID.test(wanted) ? 'with the id ' : ''}"${wanted}".`,
    solution: known === '' ? `There is no ${what} at all yet.` : `Some that there are: ${known}.`,
  });
}
