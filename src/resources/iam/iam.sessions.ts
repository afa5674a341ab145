import { AuthenticationFailure, type RawRequest } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { accessKeyId, randomText, uuid } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { IamStore } from './iam.store.ts';
import type { Agency, User } from './identity.ts';
import { sameText, seal, sha256, unseal } from './secrets.ts';
import { parseAuthorization, type SignedRequest, verifySignature } from './signature.ts';
import { readToken, signToken, type TokenClaims } from './token.ts';

/** A key with its secret, found by its id. */
export interface ResolvedKey {
  principal: Principal;
  secret: string;
  securityToken?: string;
  /** Milliseconds since the epoch. */
  expiresAt?: number;
}

/** A key that works for a while, with its security token. */
export interface TemporaryCredential {
  access: string;
  secret: string;
  securityToken: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  principal: Principal;
}

const TOKEN_SECONDS = 24 * 3600;
const SEAL_CONTEXT = 'access-key:';
const TOKEN_CONTEXT = 'security-token:';

/**
 * Credentials: makes tokens and temporary keys, and finds the principal of whatever a request brings. Nothing is trusted of a
 * token but who it names: the user or agency is read again each time, so that a change counts at once.
 */
export function iamSessions(deps: { store: IamStore; clock: Clock; tokenKey: Buffer; dataKey: Buffer }) {
  const { store, clock, tokenKey, dataKey } = deps;

  /** The principal that claims name now. Throws AuthenticationFailure when it is gone, disabled or of another generation. */
  async function principalOf(claims: TokenClaims, credential: Principal['credential']): Promise<Principal> {
    const account = await store.account(claims.dom);
    const subject: User | Agency | undefined =
      claims.kind === 'agency' ? await store.agency(claims.sub) : await store.user(claims.sub);
    if (!account?.enabled || !subject || subject.accountId !== claims.dom) {
      throw new AuthenticationFailure('disabled', 'the user or agency of this credential does not exist any more.');
    }
    if ('enabled' in subject && !subject.enabled) {
      throw new AuthenticationFailure('disabled', 'the user is disabled.');
    }
    if (subject.generation !== claims.gen) {
      throw new AuthenticationFailure('invalid', 'this credential was revoked.', 'Obtain a new one.');
    }
    const project = claims.prj ? await store.project(claims.prj) : undefined;
    return {
      kind: claims.kind,
      id: subject.id,
      name: subject.name,
      accountId: account.id,
      accountName: account.name,
      ...(project ? { projectId: project.id, projectName: project.name } : {}),
      credential,
      ...(claims.obo ? { onBehalfOf: claims.obo } : {}),
    };
  }

  function claimsFor(
    principal: Pick<Principal, 'kind' | 'id' | 'accountId' | 'onBehalfOf'>,
    generation: number,
    projectId: string | undefined,
    seconds: number,
  ): TokenClaims {
    const iat = Math.floor(clock.now() / 1000);
    return {
      iss: 'atelier',
      sub: principal.id,
      kind: principal.kind,
      dom: principal.accountId,
      ...(projectId ? { prj: projectId } : {}),
      gen: generation,
      iat,
      exp: iat + seconds,
      jti: uuid(),
      ...(principal.onBehalfOf ? { obo: principal.onBehalfOf } : {}),
    };
  }

  async function generationOf(principal: Pick<Principal, 'kind' | 'id'>): Promise<number> {
    const subject = principal.kind === 'agency' ? await store.agency(principal.id) : await store.user(principal.id);
    return subject?.generation ?? -1;
  }

  /** A token for a principal, 24 h unless told otherwise. */
  async function issueToken(
    principal: Principal,
    projectId: string | undefined,
    seconds = TOKEN_SECONDS,
  ): Promise<{ token: string; claims: TokenClaims }> {
    const claims = claimsFor(principal, await generationOf(principal), projectId, seconds);
    return { token: signToken(tokenKey, claims), claims };
  }

  /** A temporary key for a principal; its secret and security token lie encrypted until it expires. */
  async function issueTemporaryKey(
    principal: Principal,
    projectId: string | undefined,
    seconds: number,
  ): Promise<TemporaryCredential> {
    const claims = claimsFor(principal, await generationOf(principal), projectId, seconds);
    const access = accessKeyId();
    const secret = randomText(40);
    const securityToken = randomText(120);
    const expiresAt = claims.exp * 1000;
    await store.purgeTemporaryKeys(clock.now());
    await store.insertTemporaryKey({
      access,
      secret_sealed: seal(dataKey, secret, SEAL_CONTEXT + access),
      token_sealed: seal(dataKey, securityToken, TOKEN_CONTEXT + access),
      claims: JSON.stringify(claims),
      expires_at: expiresAt,
    });
    return { access, secret, securityToken, expiresAt, principal: await principalOf(claims, 'temporary-key') };
  }

  async function claimsOfToken(token: string): Promise<TokenClaims> {
    const claims = readToken(tokenKey, token);
    if (!claims)
      throw new AuthenticationFailure('invalid', 'the token is not valid.', 'Obtain one with POST /v3/auth/tokens.');
    if (claims.exp * 1000 <= clock.now()) {
      throw new AuthenticationFailure(
        'expired',
        'the token has expired.',
        'Obtain a new one with POST /v3/auth/tokens.',
      );
    }
    return claims;
  }

  async function permanentKey(access: string): Promise<ResolvedKey | undefined> {
    const row = await store.key(access);
    if (row?.status !== 'active') return undefined;
    const user = await store.user(row.user_id);
    if (!user?.enabled) return undefined;
    const account = await store.account(user.accountId);
    if (!account?.enabled) return undefined;
    return {
      secret: unseal(dataKey, row.secret_sealed, SEAL_CONTEXT + access),
      principal: {
        kind: user.isRoot ? 'root' : 'user',
        id: user.id,
        name: user.name,
        accountId: account.id,
        accountName: account.name,
        credential: 'access-key',
      },
    };
  }

  async function temporaryKey(access: string): Promise<ResolvedKey | undefined> {
    const row = await store.temporaryKey(access);
    if (!row || row.expires_at <= clock.now()) return undefined;
    const principal = await principalOf(JSON.parse(row.claims) as TokenClaims, 'temporary-key').catch(() => undefined);
    if (!principal) return undefined;
    return {
      principal,
      secret: unseal(dataKey, row.secret_sealed, SEAL_CONTEXT + access),
      securityToken: unseal(dataKey, row.token_sealed, TOKEN_CONTEXT + access),
      expiresAt: row.expires_at,
    };
  }

  /** Finds a key, permanent or temporary; undefined when it is unknown, disabled or expired. */
  async function resolveAccessKey(access: string): Promise<ResolvedKey | undefined> {
    return (await permanentKey(access)) ?? (await temporaryKey(access));
  }

  async function bySignature(request: SignedRequest): Promise<Principal> {
    const authorization = parseAuthorization(request.headers.authorization ?? '');
    if (!authorization) {
      throw new AuthenticationFailure(
        'bad-signature',
        'the Authorization header is not of the form SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=….',
      );
    }
    const presented = request.headers['x-security-token'];
    const key = await resolveAccessKey(authorization.access);
    if (!key) throw new AuthenticationFailure('unknown-key', 'the access key does not exist or is not active.');
    if (key.securityToken !== undefined && !sameText(key.securityToken, presented ?? '')) {
      throw new AuthenticationFailure(
        'bad-signature',
        'X-Security-Token does not belong to this temporary access key.',
      );
    }
    const verdict = verifySignature(request, authorization, key.secret, clock.now());
    if (verdict === 'skewed') {
      throw new AuthenticationFailure(
        'skewed',
        'X-Sdk-Date is more than 15 minutes from the time of the server.',
        'Set the clock of this machine.',
      );
    }
    if (verdict === 'undated')
      throw new AuthenticationFailure('bad-signature', 'X-Sdk-Date must read YYYYMMDDTHHMMSSZ.');
    if (verdict === 'unhashed') {
      throw new AuthenticationFailure(
        'bad-signature',
        'the body is too large to verify its signature here.',
        'Send X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD, or use a token.',
      );
    }
    if (verdict === 'bad') throw new AuthenticationFailure('bad-signature', 'verify aksk signature fail.');
    return scoped(key.principal, request.headers['x-project-id']);
  }

  /** The principal narrowed to the project a signed request names. */
  async function scoped(principal: Principal, projectId: string | undefined): Promise<Principal> {
    if (!projectId || principal.projectId) {
      if (projectId && principal.projectId !== projectId) {
        throw new AuthenticationFailure(
          'invalid',
          'the temporary access key does not reach the project of X-Project-Id.',
        );
      }
      return principal;
    }
    const project = await store.project(projectId);
    if (!project || project.accountId !== principal.accountId) {
      throw new AuthenticationFailure('invalid', 'X-Project-Id names no project of this account.');
    }
    return { ...principal, projectId: project.id, projectName: project.name };
  }

  async function authenticate(request: RawRequest): Promise<Principal> {
    const token = single(request.headers['x-auth-token']);
    if (token) return principalOf(await claimsOfToken(token), 'token');
    const authorization = single(request.headers.authorization);
    if (authorization) {
      const [path, query = ''] = splitOnce(request.url, '?');
      const headers: Record<string, string | undefined> = {};
      for (const [name, value] of Object.entries(request.headers)) headers[name] = single(value);
      return bySignature({ method: request.method, path, query, headers, bodySha256: sha256(request.body) });
    }
    throw new AuthenticationFailure(
      'missing',
      'the request carries no credential.',
      'Send X-Auth-Token, or sign the request with an access key.',
    );
  }

  return {
    authenticate,
    bySignature,
    claimsOfToken,
    principalOf,
    issueToken,
    issueTemporaryKey,
    resolveAccessKey,
    scoped,
  };
}

export type IamSessions = ReturnType<typeof iamSessions>;

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
