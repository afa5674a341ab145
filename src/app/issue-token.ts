import type { FastifyInstance } from 'fastify';
import { Failure } from '../kernel/failure.ts';
import type { IssueKey, IssueToken } from '../resources/console/index.ts';

/**
 * Calls the token operation, or with `providerId` that of ID tokens, on the API's own server, so that whoever signs in to the console
 * passes all that programs pass.
 */
export async function issueToken(
  app: FastifyInstance,
  { body, token, providerId, address }: Parameters<IssueToken>[0],
): ReturnType<IssueToken> {
  const answer = await app.inject({
    method: 'POST',
    url: providerId === undefined ? '/v3/auth/tokens?nocatalog=true' : '/v3.0/OS-AUTH/id-token/tokens',
    headers: {
      ...(token === undefined ? {} : { 'x-auth-token': token }),
      ...(providerId === undefined ? {} : { 'x-idp-id': providerId }),
    },
    payload: body,
    remoteAddress: address,
  });
  const shown = answer.json();
  const issued = answer.headers['x-subject-token'];
  if (answer.statusCode !== 201 || typeof issued !== 'string') throw told(answer.statusCode, shown);
  return { token: issued, userId: shown.token.user.id, expiresAt: Date.parse(shown.token.expires_at) };
}

/** Calls the operation that makes temporary access keys, in the same way. */
export async function issueKey(
  app: FastifyInstance,
  { token, seconds, address }: Parameters<IssueKey>[0],
): ReturnType<IssueKey> {
  const answer = await app.inject({
    method: 'POST',
    url: '/v3.0/OS-CREDENTIAL/securitytokens',
    headers: { 'x-auth-token': token },
    payload: { auth: { identity: { methods: ['token'], token: { duration_seconds: seconds } } } },
    remoteAddress: address,
  });
  const shown = answer.json();
  if (answer.statusCode !== 201) throw told(answer.statusCode, shown);
  const { access, secret, securitytoken: securityToken, expires_at: expiresAt } = shown.credential;
  return { access, secret, securityToken, expiresAt: Date.parse(expiresAt) };
}

function told(status: number, shown: { error_code: string; error_msg: string; error_solution?: string }): Failure {
  return new Failure({
    code: shown.error_code,
    status,
    message: shown.error_msg,
    ...(shown.error_solution ? { solution: shown.error_solution } : {}),
  });
}
