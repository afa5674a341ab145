import { hmacText } from '../../kernel/hmac.ts';
import type { PrincipalKind } from '../../kernel/principal.ts';
import { sameText } from './secrets.ts';

/** What a token says. The inference gateway reads the same claims, so their names are short and fixed. */
export interface TokenClaims {
  iss: 'atelier';
  sub: string;
  kind: PrincipalKind;
  dom: string;
  prj?: string;
  gen: number;
  /** Seconds since the epoch. */
  iat: number;
  exp: number;
  jti: string;
  /**
   * The user an agency session works for. `acc`, `acn`: account, and `gen`: generation of one who switched the role, with whose
   * revocation the session ends.
   */
  obo?: { id: string; name: string; acc?: string; acn?: string; gen?: number };
  /** JSON text of the policy it was narrowed to. */
  bnd?: string;
}

const HEADER = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url');

/** Signs claims as a JWT (HS256). */
export function signToken(key: Buffer, claims: TokenClaims): string {
  const text = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${text}.${hmacText('sha256', key, text, 'base64url')}`;
}

/** The claims of a token signed with this key, or undefined; says nothing of expiry. */
export function readToken(key: Buffer, token: string): TokenClaims | undefined {
  const parts = token.split('.');
  if (parts.length !== 3 || parts[0] !== HEADER) return undefined;
  const expected = hmacText('sha256', key, `${parts[0]}.${parts[1]}`, 'base64url');
  if (!sameText(expected, parts[2]!)) return undefined;
  try {
    return JSON.parse(Buffer.from(parts[1]!, 'base64url').toString('utf8')) as TokenClaims;
  } catch {
    return undefined;
  }
}
