import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { Failure, isFailure } from '../../kernel/failure.ts';
import type { BrowserProvider } from '../iam/index.ts';
import type { IssueToken } from './session.service.ts';

type Issued = Awaited<ReturnType<IssueToken>>;

interface Attempt {
  providerId: string;
  /** SHA-256 of the secret that the browser's cookie holds. */
  browserHash: string;
  nonce: string;
  until: number;
  /** What came of the provider's answer; a token waits here until the same browser asks for it. */
  outcome?: { issued: Issued } | { failure: Failure };
}

/** A person is at the provider's page for so long at most. */
const ATTEMPT_MS = 10 * 60_000;
const MOST = 10_000;

export interface FederationDeps {
  clock: Clock;
  region: string;
  /** How browsers sign in at a provider; undefined where they do not, or there is none of that id. */
  provider(id: string): Promise<BrowserProvider | undefined>;
  issue: IssueToken;
}

/**
 * Signing in by an identity provider (OpenID Connect, implicit flow with response_mode form_post): the ID token goes from the provider's page to
 * the server, and no script sees it. An attempt lies in memory, and ends with the server.
 *
 * | State | How it comes about | What ends it |
 * |---|---|---|
 * | begun | a click: state, nonce, and a cookie of the browser's | the answer; ten minutes |
 * | answered | the provider's form came with the state | the browser asks for its session; ten minutes |
 *
 * Whoever brings a foreign answer into a browser gets nowhere: the session is for the browser that has the attempt's cookie.
 */
export function federationAttempts({ clock, region, provider, issue }: FederationDeps) {
  /** By state. */
  const attempts = new Map<string, Attempt>();

  function tidy(): void {
    const now = clock.now();
    for (const [state, { until }] of attempts) {
      // They are in the order of their ends.
      if (until > now && attempts.size < MOST) break;
      attempts.delete(state);
    }
  }

  function live(state: string): Attempt | undefined {
    const found = attempts.get(state);
    return found && clock.now() < found.until ? found : undefined;
  }

  return {
    /** Begins one; `answerUrl` is where the provider's page posts. Throws Failure 404 for a provider that browsers do not sign in by. */
    async begin(providerId: string, answerUrl: string): Promise<{ url: string; secret: string }> {
      const found = await provider(providerId);
      if (!found) throw unknownProvider(providerId);
      tidy();
      const [state, nonce, secret] = [token(), token(), token()];
      attempts.set(state, { providerId, browserHash: hashOf(secret), nonce, until: clock.now() + ATTEMPT_MS });
      const url = new URL(found.authorizationEndpoint);
      const query = {
        response_type: 'id_token',
        response_mode: 'form_post',
        client_id: found.clientId,
        redirect_uri: answerUrl,
        scope: found.scope,
        state,
        nonce,
      };
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
      return { url: url.href, secret };
    },

    /** Takes what the provider's page posted. What is wrong with it is told to the browser that began. */
    async answer(posted: { state: string; id_token?: string; error?: string }, address: string): Promise<void> {
      const attempt = live(posted.state);
      if (!attempt || attempt.outcome) return;
      const { providerId, nonce } = attempt;
      // Once: a second answer with the state finds an outcome.
      attempt.outcome = { failure: refused('The sign-in is not finished yet.') };
      if (posted.id_token === undefined) {
        const told = posted.error ? `: ${posted.error.slice(0, 200)}` : '';
        attempt.outcome = { failure: refused(`The identity provider refused the sign-in${told}.`) };
        return;
      }
      if (nonceOf(posted.id_token) !== nonce) {
        attempt.outcome = { failure: refused('The ID token was not made for this sign-in (nonce).') };
        return;
      }
      const body = { auth: { id_token: { id: posted.id_token }, scope: { project: { name: region } } } };
      try {
        attempt.outcome = { issued: await issue({ body, providerId, address }) };
      } catch (error) {
        if (!isFailure(error)) throw error;
        attempt.outcome = { failure: error };
      }
    },

    /** The token for the browser whose attempt it was; once. Throws the Failure that the answer met, or 401. */
    finish(secret: string | undefined): Issued {
      const hash = secret === undefined ? undefined : hashOf(secret);
      for (const [state, attempt] of attempts) {
        if (attempt.browserHash !== hash || clock.now() >= attempt.until || !attempt.outcome) continue;
        attempts.delete(state);
        if ('failure' in attempt.outcome) throw attempt.outcome.failure;
        return attempt.outcome.issued;
      }
      throw refused('This browser has begun no sign-in at an identity provider, or it took too long.');
    },
  };
}

export type FederationAttempts = ReturnType<typeof federationAttempts>;

const token = () => randomBytes(32).toString('base64url');
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** The nonce of an ID token whose signature is still to be verified. */
function nonceOf(idToken: string): unknown {
  try {
    return JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString('utf8'))?.nonce;
  } catch {
    return undefined; // no JWT: it has no nonce
  }
}

function refused(message: string): Failure {
  return new Failure({ code: 'IAM.0001', status: 401, message, solution: 'Sign in again.' });
}

function unknownProvider(id: string): Failure {
  return new Failure({
    code: 'IAM.0004',
    status: 404,
    message: `There is no identity provider ${id.slice(0, 64)} by which browsers sign in.`,
    solution: 'Its openid-connect-config needs access_mode program_console and an authorization_endpoint.',
  });
}
