import { AuthenticationFailure, type RawRequest } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { accessKeyId, randomText, uuid } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { seal, unseal } from '../../kernel/sealing.ts';
import { type Soon, then } from '../../kernel/soon.ts';
import type { IamStore } from './iam.store.ts';
import { type Agency, isAlive, type Project, type User } from './identity.ts';
import type { ProviderStore } from './provider.store.ts';
import type { FederatedUser } from './provider.ts';
import { KEY_CONTEXT, sameText, sha256, TOKEN_CONTEXT } from './secrets.ts';
import { sessionCache } from './session-cache.ts';
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

/** Whoever may read the installation's data directory; belongs to no account. */
const OPERATOR: Principal = {
  kind: 'operator',
  id: 'operator',
  name: 'operator',
  accountId: '',
  accountName: '',
  credential: 'operator-key',
};

/** By what a credential was obtained. */
export interface Proof {
  /** Generation of the subject when it proved itself, so that a revocation meanwhile counts. */
  generation?: number;
  /** Seconds since the epoch, at the latest; a credential made from another must not outlive it. */
  until?: number;
  /** Generation of the user who switched the role; absent where the platform acts by an agency. */
  assumerGeneration?: number;
}

const TOKEN_SECONDS = 24 * 3600;

/**
 * Credentials: makes tokens and temporary keys, and finds the principal of whatever a request brings. Nothing is trusted of a
 * token but who it names: the user or agency is read again, and remembered only until `changed()`, so that a change counts at once.
 */
export function iamSessions(deps: {
  store: IamStore;
  federated: Pick<ProviderStore, 'federatedUser'>;
  clock: Clock;
  tokenKey: Buffer;
  operatorKey: string;
  dataKey: Buffer;
}) {
  const { store, federated, clock, tokenKey, operatorKey, dataKey } = deps;
  const tokens = sessionCache<{ claims: TokenClaims; principal: Principal }>();
  const keys = sessionCache<ResolvedKey>();
  const projects = sessionCache<Project>();

  /** Whom claims or a principal name, as things stand now. */
  function subjectOf(kind: Principal['kind'], id: string): Promise<User | Agency | FederatedUser | undefined> {
    if (kind === 'agency') return store.agency(id);
    return kind === 'federated' ? federated.federatedUser(id) : store.user(id);
  }

  /** The principal that claims name now. Throws AuthenticationFailure when it is gone, disabled or of another generation. */
  async function principalOf(claims: TokenClaims, credential: Principal['credential']): Promise<Principal> {
    const account = await store.account(claims.dom);
    const subject = await subjectOf(claims.kind, claims.sub);
    if (!account?.enabled || !subject || subject.accountId !== claims.dom) {
      throw new AuthenticationFailure('disabled', 'the user or agency of this credential does not exist any more.');
    }
    if ('enabled' in subject && !subject.enabled) {
      throw new AuthenticationFailure('disabled', 'the user, or its identity provider, is disabled.');
    }
    if ('expiresAt' in subject && !isAlive(subject, clock.now())) {
      throw new AuthenticationFailure('expired', 'the agency of this credential has expired.');
    }
    await checkAssumer(claims);
    if (subject.generation !== claims.gen) {
      throw new AuthenticationFailure('invalid', 'this credential was revoked.', 'Obtain a new one.');
    }
    const project = claims.prj ? await store.project(claims.prj) : undefined;
    if (claims.prj && !project) {
      throw new AuthenticationFailure('invalid', 'the project of this credential does not exist any more.');
    }
    return {
      kind: claims.kind,
      id: subject.id,
      name: subject.name,
      accountId: account.id,
      accountName: account.name,
      ...(project ? { projectId: project.id, projectName: project.name } : {}),
      credential,
      ...('groups' in subject ? { groups: subject.groups } : {}),
      ...(claims.obo ? { onBehalfOf: workedFor(claims.obo) } : {}),
      ...(claims.bnd === undefined ? {} : { boundary: claims.bnd }),
      // Keys were made by somebody who was in already.
      ...(credential === 'token' && 'mustChangePassword' in subject && subject.mustChangePassword
        ? { mustChangePassword: true }
        : {}),
    };
  }

  /** A role that was switched ends with the user who switched it: disabled, deleted, or with another password. */
  async function checkAssumer(claims: TokenClaims): Promise<void> {
    const { obo } = claims;
    if (obo?.gen === undefined) return;
    const user = (await store.user(obo.id)) ?? (await federated.federatedUser(obo.id));
    const account = user && (await store.account(user.accountId));
    if (user?.enabled && account?.enabled && user.generation === obo.gen) return;
    throw new AuthenticationFailure('invalid', `the user ${obo.name} who switched to this role may not any more.`);
  }

  /** Claims of a credential for a principal, which outlives neither its proof nor its agency. */
  async function claimsFor(
    principal: Pick<Principal, 'kind' | 'id' | 'accountId' | 'onBehalfOf' | 'boundary'>,
    projectId: string | undefined,
    seconds: number,
    proof: Proof,
  ): Promise<TokenClaims> {
    const subject = await subjectOf(principal.kind, principal.id);
    const { onBehalfOf } = principal;
    const { assumerGeneration, until } = proof;
    const iat = Math.floor(clock.now() / 1000);
    const ends = subject && 'expiresAt' in subject ? subject.expiresAt : null;
    return {
      iss: 'atelier',
      sub: principal.id,
      kind: principal.kind,
      dom: principal.accountId,
      ...(projectId ? { prj: projectId } : {}),
      gen: proof.generation ?? subject?.generation ?? -1,
      iat,
      exp: Math.min(iat + seconds, until ?? iat + seconds, ends === null ? iat + seconds : Math.floor(ends / 1000)),
      jti: uuid(),
      ...(onBehalfOf ? { obo: oboOf(onBehalfOf, assumerGeneration) } : {}),
      ...(principal.boundary === undefined ? {} : { bnd: principal.boundary }),
    };
  }

  async function generationOf(principal: Pick<Principal, 'kind' | 'id'>): Promise<number> {
    return (await subjectOf(principal.kind, principal.id))?.generation ?? -1;
  }

  /** A token for a principal, for 24 hours unless its proof ends before. */
  async function issueToken(
    principal: Principal,
    projectId: string | undefined,
    proof: Proof = {},
  ): Promise<{ token: string; claims: TokenClaims }> {
    const claims = await claimsFor(principal, projectId, TOKEN_SECONDS, proof);
    return { token: signToken(tokenKey, claims), claims };
  }

  /** A temporary key for a principal; its secret and security token lie encrypted until it expires. */
  async function issueTemporaryKey(
    principal: Principal,
    projectId: string | undefined,
    seconds: number,
    proof: Proof = {},
  ): Promise<TemporaryCredential> {
    const claims = await claimsFor(principal, projectId, seconds, proof);
    const access = accessKeyId();
    const secret = randomText(40);
    const securityToken = randomText(120);
    const expiresAt = claims.exp * 1000;
    await store.purgeTemporaryKeys(clock.now());
    await store.insertTemporaryKey({
      access,
      secret_sealed: seal(dataKey, secret, KEY_CONTEXT + access),
      token_sealed: seal(dataKey, securityToken, TOKEN_CONTEXT + access),
      claims: JSON.stringify(claims),
      expires_at: expiresAt,
    });
    return { access, secret, securityToken, expiresAt, principal: await principalOf(claims, 'temporary-key') };
  }

  function claimsOfToken(token: string): TokenClaims {
    const claims = readToken(tokenKey, token);
    if (!claims) {
      throw new AuthenticationFailure('invalid', 'the token is not valid.', 'Obtain one with POST /v3/auth/tokens.');
    }
    checkExpiry(claims);
    return claims;
  }

  function checkExpiry(claims: TokenClaims): void {
    if (claims.exp * 1000 <= clock.now()) {
      throw new AuthenticationFailure(
        'expired',
        'the token has expired.',
        'Obtain a new one with POST /v3/auth/tokens.',
      );
    }
  }

  /** Who a token is, as things stand now. Throws AuthenticationFailure. */
  async function byToken(token: string): Promise<{ claims: TokenClaims; principal: Principal }> {
    const found = await tokens.get(sha256(token), async () => {
      const claims = claimsOfToken(token);
      return { claims, principal: await principalOf(claims, 'token') };
    });
    checkExpiry(found!.claims);
    return found!;
  }

  async function permanentKey(access: string): Promise<ResolvedKey | undefined> {
    const row = await store.key(access);
    if (row?.status !== 'active') return undefined;
    const user = await store.user(row.user_id);
    if (!user?.enabled || user.accessMode === 'console') return undefined;
    const account = await store.account(user.accountId);
    if (!account?.enabled) return undefined;
    return {
      secret: unseal(dataKey, row.secret_sealed, KEY_CONTEXT + access),
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
    let principal: Principal;
    try {
      principal = await principalOf(JSON.parse(row.claims) as TokenClaims, 'temporary-key');
    } catch (error) {
      if (error instanceof AuthenticationFailure) return undefined;
      throw error;
    }
    return {
      principal,
      secret: unseal(dataKey, row.secret_sealed, KEY_CONTEXT + access),
      securityToken: unseal(dataKey, row.token_sealed, TOKEN_CONTEXT + access),
      expiresAt: row.expires_at,
    };
  }

  /** Finds a key, permanent or temporary; undefined when it is unknown, disabled or expired. */
  function resolveAccessKey(access: string): Soon<ResolvedKey | undefined> {
    const found = keys.get(access, async () => (await permanentKey(access)) ?? (await temporaryKey(access)));
    return then(found, key => (key?.expiresAt !== undefined && key.expiresAt <= clock.now() ? undefined : key));
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
    if ((key.securityToken ?? presented) !== undefined && !sameText(key.securityToken ?? '', presented ?? '')) {
      throw new AuthenticationFailure('bad-signature', 'X-Security-Token does not belong to this access key.');
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
    // Whoever passes a request on could add headers: those that are not signed say nothing.
    const said = (name: string) =>
      authorization.signedHeaders.some(signed => signed.toLowerCase() === name) ? request.headers[name] : undefined;
    const domainId = said('x-domain-id');
    if (domainId && domainId !== key.principal.accountId) throw unreached(`the account of X-Domain-Id`);
    return scoped(key.principal, said('x-project-id'));
  }

  /** The principal narrowed to the project a signed request names. Throws Failure when its credential does not reach that. */
  async function scoped(principal: Principal, projectId: string | undefined): Promise<Principal> {
    if (!projectId || principal.projectId === projectId) return principal;
    const project = await projectById(projectId);
    if (principal.projectId || project?.accountId !== principal.accountId)
      throw unreached('the project of X-Project-Id');
    return { ...principal, projectId: project.id, projectName: project.name };
  }

  /** A project by its id, remembered: nearly every request asks. */
  async function projectById(id: string): Promise<Project | undefined> {
    return projects.get(id, () => store.project(id));
  }

  async function authenticate(request: RawRequest): Promise<Principal> {
    const operator = single(request.headers['x-operator-key']);
    if (operator !== undefined) {
      if (sameText(operator, operatorKey)) return OPERATOR;
      throw new AuthenticationFailure('invalid', 'X-Operator-Key is not the key of this installation.');
    }
    const token = single(request.headers['x-auth-token']);
    if (token) return (await byToken(token)).principal;
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
    byToken,
    issueToken,
    issueTemporaryKey,
    generationOf,
    projectById,
    resolveAccessKey,
    /** Forgets what is remembered of users, agencies and keys: something about them has changed. */
    changed(): void {
      tokens.clear();
      keys.clear();
      projects.clear();
    },
  };
}

export type IamSessions = ReturnType<typeof iamSessions>;

function workedFor(obo: NonNullable<TokenClaims['obo']>): NonNullable<Principal['onBehalfOf']> {
  const { id, name, acc, acn } = obo;
  return { id, name, ...(acc === undefined ? {} : { accountId: acc, accountName: acn ?? '' }) };
}

function oboOf(user: NonNullable<Principal['onBehalfOf']>, generation: number | undefined): TokenClaims['obo'] {
  const { id, name, accountId, accountName } = user;
  return {
    id,
    name,
    ...(accountId === undefined ? {} : { acc: accountId, acn: accountName ?? '' }),
    ...(generation === undefined ? {} : { gen: generation }),
  };
}

function unreached(what: string): Failure {
  return new Failure({
    code: 'ModelArts.0210',
    status: 403,
    message: `The access key does not reach ${what}.`,
    solution: 'Leave the header out, or name a project or account of GET /v3/auth/projects and /v3/auth/domains.',
  });
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
