import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { turnsByName } from '../../kernel/turns.ts';
import { attemptLimit } from './attempt-limit.ts';
import type { IamStore } from './iam.store.ts';
import { type Account, countAttempt, LOCK_MS, type User } from './identity.ts';
import { passwordMatches, sha256 } from './secrets.ts';

/** Who wants to log in: a user by id, or by name within an account. */
export interface Login {
  userId?: string | undefined;
  userName?: string | undefined;
  accountId?: string | undefined;
  accountName?: string | undefined;
  password: string;
  /** Whence the attempt comes; attempts from one address are limited together. */
  address: string;
}

/**
 * Checks passwords. Five wrong ones in 15 minutes lock the name for as long, whether there is such a user or not, so that no
 * answer tells which names exist. `matches` compares a password with a hash, in the same time when there is none.
 */
export function loginService(deps: { store: IamStore; clock: Clock; matches?: typeof passwordMatches }) {
  const { store, clock, matches = passwordMatches } = deps;

  async function find(login: Login): Promise<{ user?: User | undefined; account?: Account | undefined; name: string }> {
    if (login.userId !== undefined) {
      const user = await store.user(login.userId);
      return { user, account: user && (await store.account(user.accountId)), name: `id ${login.userId}` };
    }
    const { accountId, accountName, userName } = login;
    const account = accountId ? await store.account(accountId) : await store.accountByName(accountName ?? '');
    const user = account && userName ? await store.userByName(account.id, userName) : undefined;
    return {
      user,
      account,
      name: user ? `id ${user.id}` : `name ${accountId ?? ''}/${accountName ?? ''}/${userName ?? ''}`,
    };
  }

  const limit = attemptLimit(() => clock.now());
  /** Attempts for one name go one after the other: none is checked before it is known whether the one before it failed. */
  const inTurn = turnsByName();

  /**
   * Checks a password, counting failures for the name. Throws Failure while the name is locked. Resolves with whether it is right and
   * still the user's: it may have been changed while it was checked.
   */
  async function verify(name: string, user: User | undefined, password: string): Promise<boolean> {
    const nameHash = sha256(name);
    const now = clock.now();
    const attempt = await store.transaction(async rows => {
      await rows.purgeLoginFailures(now - 2 * LOCK_MS);
      const next = countAttempt(await rows.loginFailures(nameHash), now);
      if (next !== 'locked') await rows.setLoginFailures(nameHash, next);
      return next;
    });
    if (attempt === 'locked') {
      throw new Failure({
        code: 'IAM.0101',
        status: 401,
        message: 'The user is locked after too many failed logins.',
        solution: 'Try again in 15 minutes.',
      });
    }
    const good = await matches(password, user?.passwordHash ?? null);
    if (!user || !good || (await store.user(user.id))?.generation !== user.generation) return false;
    await store.clearLoginFailures(nameHash);
    return true;
  }

  return {
    /** Whether this is the user's password; wrong ones count as failed logins do. Throws Failure while locked. */
    isPasswordOf: (user: User, password: string) =>
      inTurn(`id ${user.id}`, () => verify(`id ${user.id}`, user, password)),

    /**
     * The user with this name and password. Throws the same Failure for a wrong name and a wrong password. `tried` is told whom it is
     * about as far as there is such an account and user, whatever comes of it.
     */
    async login(
      login: Login,
      tried: (who: { user?: User | undefined; account?: Account | undefined }) => void = () => {},
    ): Promise<{ user: User; account: Account }> {
      limit.take(login.address);
      const { user, account, name } = await find(login);
      tried({ user, account });
      const good = await inTurn(name, () => verify(name, user, login.password));
      if (!user || !account?.enabled || !good) {
        throw new Failure({ code: 'IAM.0001', status: 401, message: 'The username or password is wrong.' });
      }
      if (!user.enabled) throw new Failure({ code: 'IAM.0002', status: 401, message: 'The user is disabled.' });
      if (user.accessMode === 'programmatic') {
        throw new Failure({
          code: 'IAM.0003',
          status: 403,
          message: `The user ${user.name} comes in by access keys alone (access_mode programmatic).`,
          solution: 'Sign requests with an access key, or have access_mode set to default.',
        });
      }
      limit.giveBack(login.address);
      await store.noteLogin(user.id, clock.now());
      return { user, account };
    },
  };
}

export type LoginService = ReturnType<typeof loginService>;
