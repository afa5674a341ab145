import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { seal, unseal } from '../../kernel/sealing.ts';
import type { SessionRow, SessionStore } from './session.store.ts';

/**
 * The token operation, as a client calls it: `token` goes into X-Auth-Token; with `providerId` the operation for ID tokens of that identity
 * provider. Throws the Failure that it answers.
 */
export type IssueToken = (input: {
  body: object;
  token?: string;
  providerId?: string;
  /** Whence the sign-in comes. */
  address: string;
}) => Promise<{ token: string; userId: string; expiresAt: number }>;

/** The operation that makes a temporary access key of a token, as a client calls it. Throws the Failure that it answers. */
export type IssueKey = (input: { token: string; seconds: number; address: string }) => Promise<{
  access: string;
  secret: string;
  securityToken: string;
  /** Milliseconds since the epoch; earlier than asked where the token ends before. */
  expiresAt: number;
}>;

export interface SessionDeps {
  store: SessionStore;
  clock: Clock;
  region: string;
  /** 32 bytes; encrypts tokens. */
  key: Buffer;
  issue: IssueToken;
}

const ABSOLUTE_MS = 12 * 3600_000;
const IDLE_MS = 3600_000;
/** Not every request is worth a write. */
const USED_MS = 60_000;
const MOST_PER_USER = 50;

/** Sessions of the console (docs/decisions/0015). Their ids are secrets: 43 characters of base64url. */
export function sessionService({ store, clock, region, key, issue }: SessionDeps) {
  const sealed = (hash: string, token: string) => seal(key, token, `console session ${hash}`);
  const unsealed = (row: SessionRow, text: string) => unseal(key, text, `console session ${row.id_hash}`);

  /** Throws Failure 401 when it has ended. */
  async function live(id: string): Promise<SessionRow> {
    const row = await store.find(hashOf(id));
    const now = clock.now();
    if (row && now < row.expires_at && now < row.used_at + IDLE_MS) return row;
    if (row) await store.remove(row.id_hash);
    throw ended();
  }

  return {
    /** Signs in; the id is for the cookie alone. Throws what the token operation answers. */
    async open(login: { account: string; user: string; password: string; address: string }): Promise<string> {
      const user = { name: login.user, password: login.password, domain: { name: login.account } };
      const body = {
        auth: { identity: { methods: ['password'], password: { user } }, scope: { project: { name: region } } },
      };
      return this.openWith(await issue({ body, address: login.address }));
    },

    /** Signs in by a token that was issued; the id is for the cookie alone. */
    async openWith({ token, userId, expiresAt }: Awaited<ReturnType<IssueToken>>): Promise<string> {
      const id = randomBytes(32).toString('base64url');
      const hash = hashOf(id);
      const now = clock.now();
      await store.add(
        {
          id_hash: hash,
          user_id: userId,
          token_sealed: sealed(hash, token),
          own_token_sealed: null,
          created_at: now,
          used_at: now,
          expires_at: Math.min(now + ABSOLUTE_MS, expiresAt),
        },
        now,
        MOST_PER_USER,
      );
      return id;
    },

    /** The token of a session; `active`: its user did something. Throws Failure 401 when it has ended. */
    async token(id: string, active: boolean): Promise<string> {
      const row = await live(id);
      const now = clock.now();
      if (active && now >= row.used_at + USED_MS) await store.change(row.id_hash, { used_at: now });
      return unsealed(row, row.token_sealed);
    },

    /** When it ends at the latest. Throws Failure 401 when it has ended. */
    expiresAt: async (id: string): Promise<number> => (await live(id)).expires_at,

    /** Scopes it to another project of the account. Throws what the token operation answers. */
    async toProject(id: string, projectId: string, address: string): Promise<string> {
      const row = await live(id);
      const body = {
        auth: {
          identity: { methods: ['token'], token: { id: unsealed(row, row.token_sealed) } },
          scope: { project: { id: projectId } },
        },
      };
      const { token } = await issue({ body, address });
      await store.change(row.id_hash, { token_sealed: sealed(row.id_hash, token) });
      return token;
    },

    /** Takes on the role of an agency. Throws what the token operation answers. */
    async toRole(id: string, role: { account_name: string; agency_name: string }, address: string): Promise<string> {
      const row = await live(id);
      const own = unsealed(row, row.own_token_sealed ?? row.token_sealed);
      const assume_role = { agency_name: role.agency_name, domain_name: role.account_name };
      const body = {
        auth: { identity: { methods: ['assume_role'], assume_role }, scope: { project: { name: region } } },
      };
      const { token } = await issue({ body, token: own, address });
      await store.change(row.id_hash, {
        token_sealed: sealed(row.id_hash, token),
        own_token_sealed: sealed(row.id_hash, own),
      });
      return token;
    },

    /** Leaves the role; does nothing where there is none. */
    async toOwn(id: string): Promise<string> {
      const row = await live(id);
      if (row.own_token_sealed === null) return unsealed(row, row.token_sealed);
      await store.change(row.id_hash, { token_sealed: row.own_token_sealed, own_token_sealed: null });
      return unsealed(row, row.own_token_sealed);
    },

    close: (id: string): Promise<void> => store.remove(hashOf(id)),
  };
}

export type SessionService = ReturnType<typeof sessionService>;

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}

function ended(): Failure {
  return new Failure({
    code: 'ModelArts.0202',
    status: 401,
    message: 'The session has ended.',
    solution: 'Sign in again.',
  });
}
