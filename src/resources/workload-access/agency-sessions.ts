import type { Clock } from '../../kernel/clock.ts';
import type { Principal } from '../../kernel/principal.ts';

/** A temporary key of an agency, and the principal that acts with it. */
export interface AgencyCredential {
  access: string;
  secret: string;
  securityToken: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  principal: Principal;
}

/** What gives out temporary keys. Throws Failure where the agency is gone. */
export interface AgencyIam {
  assumeAgency(input: {
    accountId: string;
    agencyName: string;
    projectId: string;
    durationSeconds: number;
    onBehalfOf?: { id: string; name: string };
  }): Promise<AgencyCredential>;
}

/** A workload that works by the agency of the user whose it is. */
export interface Worker {
  id: string;
  accountId: string;
  projectId: string;
  /** Name of the agency. */
  agency: string;
  userId: string;
  userName: string;
}

/** Sessions of the workloads' agencies, one for each, renewed when half their life is over. */
export class AgencySessions {
  readonly #sessions = new Map<string, { credential: AgencyCredential; renewAt: number }>();
  readonly #iam: AgencyIam;
  readonly #clock: Clock;
  readonly #seconds: number;

  /** `seconds`: life of a session. */
  constructor(iam: AgencyIam, clock: Clock, seconds: number) {
    this.#iam = iam;
    this.#clock = clock;
    this.#seconds = seconds;
  }

  /** A credential good for at least half its life. Throws the Failure of a missing agency. */
  async of(worker: Worker): Promise<AgencyCredential> {
    const held = this.#sessions.get(worker.id);
    const now = this.#clock.now();
    if (held && now < held.renewAt) return held.credential;
    const credential = await this.#iam.assumeAgency({
      accountId: worker.accountId,
      agencyName: worker.agency,
      projectId: worker.projectId,
      durationSeconds: this.#seconds,
      onBehalfOf: { id: worker.userId, name: worker.userName },
    });
    this.#sessions.set(worker.id, { credential, renewAt: now + (credential.expiresAt - now) / 2 });
    return credential;
  }

  forget(workerId: string): void {
    this.#sessions.delete(workerId);
  }
}
