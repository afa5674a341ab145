import type { FastifyInstance } from 'fastify';
import { Failure } from '../kernel/failure.ts';
import type { IssueToken } from '../resources/console/index.ts';

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
  if (answer.statusCode !== 201 || typeof issued !== 'string') {
    throw new Failure({
      code: shown.error_code,
      status: answer.statusCode,
      message: shown.error_msg,
      ...(shown.error_solution ? { solution: shown.error_solution } : {}),
    });
  }
  return { token: issued, userId: shown.token.user.id, expiresAt: Date.parse(shown.token.expires_at) };
}
