import type { Session } from '../../../client/session.ts';
import { Failure } from '../../../kernel/failure.ts';
import * as policyApi from '../../../resources/iam/policy.api.ts';
import * as tokenApi from '../../../resources/iam/token.api.ts';
import * as userApi from '../../../resources/iam/user.api.ts';

/** A thing of IAM as answers show it. */
export type Shown = Record<string, unknown> & { id: string; name: string };

const ID = /^[0-9a-f]{32}$/;

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

  async user(name: string): Promise<Shown> {
    return pick('user', name, await this.users());
  }

  async group(name: string): Promise<Shown> {
    return pick('group', name, await this.groups());
  }

  async agency(name: string): Promise<Shown> {
    return pick('agency', name, await this.agencies());
  }

  async project(name: string): Promise<Shown> {
    return pick('project', name, await this.projects());
  }

  async policy(name: string): Promise<Shown> {
    return pick('policy', name, await this.policies());
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
