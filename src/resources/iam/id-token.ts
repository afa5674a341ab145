import { createLocalJWKSet, errors, importJWK, type JSONWebKeySet, type JWK, type JWTPayload, jwtVerify } from 'jose';
import { Failure } from '../../kernel/failure.ts';
import { invalid } from './iam.failures.ts';

/** What is asked of an ID token: who issued it, for whom, signed by which keys. */
export interface TokenRequirements {
  issuer: string;
  /** `client_id` of this installation at the provider. */
  audience: string;
  /** JWKS as JSON text. */
  signingKey: string;
}

/** Signatures by key pairs alone: with a secret, whoever can verify could also sign. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384'];
const CLOCK_TOLERANCE_SECONDS = 60;
const TOKEN_BYTES = 16 * 1024;
const JWKS_BYTES = 32 * 1024;
const KEYS = 32;
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const RSA_BITS = 2048;
const CURVES: readonly unknown[] = ['P-256', 'P-384'];

/**
 * The claims of an ID token (OpenID Connect Core 3.1.3.7), with `sub` in any case. `now`: milliseconds since the epoch. Throws Failure
 * 401 that says what is wrong with it, and nothing of what it says.
 */
export async function verifyIdToken(
  token: string,
  requirements: TokenRequirements,
  now: number,
): Promise<JWTPayload & { sub: string }> {
  if (Buffer.byteLength(token) > TOKEN_BYTES) throw refused(`is larger than ${TOKEN_BYTES} bytes`);
  const keys = createLocalJWKSet(JSON.parse(requirements.signingKey) as JSONWebKeySet);
  let payload: JWTPayload;
  try {
    ({ payload } = await jwtVerify(token, keys, {
      algorithms: ALGORITHMS,
      issuer: requirements.issuer,
      audience: requirements.audience,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(now),
      requiredClaims: ['sub', 'exp', 'iat'],
    }));
  } catch (error) {
    throw refused(problemOf(error), error);
  }
  if (typeof payload.sub !== 'string' || payload.sub === '' || payload.sub.length > 255) {
    throw refused('has no sub of 1 to 255 characters');
  }
  if (payload.azp !== undefined && payload.azp !== requirements.audience)
    throw refused('was issued to another client (azp)');
  return { ...payload, sub: payload.sub };
}

function problemOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') return 'is of another issuer than idp_url';
    if (error.claim === 'aud') return 'is for another audience than client_id';
    if (error.claim === 'nbf') return 'is not valid yet (nbf)';
    if (['sub', 'exp', 'iat'].includes(error.claim)) return `has no valid ${error.claim}`;
    return 'has a claim that is not valid';
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return `is not signed by one of ${ALGORITHMS.join(', ')}`;
  if (error instanceof errors.JWKSNoMatchingKey) return 'is signed by a key that signing_key does not have';
  if (error instanceof errors.JWKSMultipleMatchingKeys) return 'names no kid, and several keys of signing_key would do';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'has a wrong signature';
  return 'is no signed JWT that can be verified';
}

function refused(problem: string, cause?: unknown): Failure {
  return new Failure({
    code: 'IAM.0001',
    status: 401,
    message: `The ID token ${problem}.`,
    solution: 'Obtain a new one of the identity provider, or correct its openid-connect-config.',
    cause,
  });
}

/**
 * Checks the keys of a provider: a JWKS as JSON text with public RSA and EC keys. Throws Failure 400 IAM.0011. Private and symmetric
 * ones are refused, since they would lie here, and be shown, as if they were not secret.
 */
export async function checkSigningKey(text: string): Promise<void> {
  const wrong = (problem: string) => invalid(`Field [openid_connect_config.signing_key] ${problem}.`);
  if (Buffer.byteLength(text) > JWKS_BYTES) throw wrong(`should have at most ${JWKS_BYTES} bytes`);
  const keys = keysOf(text);
  if (!keys || keys.length === 0 || keys.length > KEYS) {
    throw wrong(`should be a JWKS as JSON text: {"keys": […]} with 1 to ${KEYS} public keys`);
  }
  const ids = new Set<string>();
  for (const [at, key] of keys.entries()) {
    const name = `keys[${at}]`;
    if (key.kty === 'oct' || PRIVATE_MEMBERS.some(member => Object.hasOwn(key, member))) {
      throw wrong(
        `has a private or symmetric key at ${name}; give the public keys alone, as at the provider's jwks_uri`,
      );
    }
    if (key.kty !== 'RSA' && !(key.kty === 'EC' && CURVES.includes(key.crv))) {
      throw wrong(`has a key at ${name} that is neither RSA nor EC with P-256 or P-384`);
    }
    if (key.kid !== undefined && (typeof key.kid !== 'string' || ids.has(key.kid))) {
      throw wrong(`has a kid at ${name} that is no text, or another key's too`);
    }
    if (key.kid !== undefined) ids.add(key.kid);
    if (!(await isUsable(key)))
      throw wrong(`has a key at ${name} that cannot be read, or is shorter than ${RSA_BITS} bits`);
  }
}

function keysOf(text: string): JWK[] | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  const keys = found !== null && typeof found === 'object' && 'keys' in found ? found.keys : undefined;
  const isKey = (key: unknown) => key !== null && typeof key === 'object' && !Array.isArray(key);
  return Array.isArray(keys) && keys.every(isKey) ? (keys as JWK[]) : undefined;
}

async function isUsable(key: JWK): Promise<boolean> {
  try {
    const imported = await importJWK(key, key.kty === 'RSA' ? 'RS256' : key.crv === 'P-256' ? 'ES256' : 'ES384');
    if (!('algorithm' in imported)) return false;
    const { modulusLength } = imported.algorithm as { modulusLength?: number };
    return modulusLength === undefined || modulusLength >= RSA_BITS;
  } catch {
    return false;
  }
}
