import assert from 'node:assert/strict';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Answer, IamWorld } from './world.fixture.ts';

export const ISSUER = 'https://issuer.test/realm';
export const CLIENT = 'atelier';

export interface IdTokenOptions {
  issuer?: string;
  audience?: string;
  algorithm?: string;
  key?: Parameters<SignJWT['sign']>[0];
  /** Milliseconds since the epoch. */
  at?: number;
}

/** An identity provider's keys, with which it signs ID tokens. */
export async function issuer() {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  return {
    jwk,
    privateJwk: await exportJWK(privateKey),
    jwks: JSON.stringify({ keys: [jwk] }),
    idToken(claims: Record<string, unknown>, options: IdTokenOptions = {}): Promise<string> {
      const now = Math.floor((options.at ?? Date.now()) / 1000);
      return new SignJWT({ iat: now, exp: now + 300, iss: ISSUER, aud: CLIENT, ...claims })
        .setProtectedHeader({ alg: options.algorithm ?? 'RS256', kid: 'one' })
        .sign(options.key ?? privateKey);
    },
  };
}

/** Rules that name people by `name` and put them into the groups of the claim `groups`. */
export const RULES = [
  { remote: [{ type: 'name' }], local: [{ user: { name: '{0}' } }] },
  { remote: [{ type: 'groups' }], local: [{ groups: '{0}' }] },
];

/** Connects a provider to the account whose token this is. */
export async function connect(world: IamWorld, token: string, jwks: string, id = 'corp'): Promise<void> {
  const put = async (method: string, path: string, body: object) => {
    const answer = await world.send(method, path, { token, body });
    assert.equal(answer.status, 201, answer.text);
  };
  const provider = `/v3/OS-FEDERATION/identity_providers/${id}`;
  await put('PUT', provider, { identity_provider: { sso_type: 'virtual_user_sso' } });
  await put('PUT', `/v3/OS-FEDERATION/mappings/${id}-rules`, { mapping: { rules: RULES } });
  await put('PUT', `${provider}/protocols/oidc`, { protocol: { mapping_id: `${id}-rules` } });
  await put('POST', `/v3.0/OS-FEDERATION/identity-providers/${id}/openid-connect-config`, {
    openid_connect_config: { access_mode: 'program', idp_url: ISSUER, client_id: CLIENT, signing_key: jwks },
  });
}

/** Logs in by an ID token; the token of the answer reaches the account, not a project. */
export function enter(world: IamWorld, idToken: string, id = 'corp'): Promise<Answer> {
  return world.send('POST', `/v3/OS-FEDERATION/identity_providers/${id}/protocols/oidc/auth`, {
    headers: { Authorization: `Bearer ${idToken}` },
  });
}
