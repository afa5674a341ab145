import type { IncomingHttpHeaders } from 'node:http';
import type { Address } from './address.ts';
import type { Dialect } from './dialect.ts';

const QUERY = ['prefix', 'delimiter', 'max-keys', 'versionId'];
const HEADERS = /^(?:acl|copy-source|metadata-directive|storage-class|server-side-encryption|grant-[a-z-]+)$/;

/** What conditions of a bucket's policy may look at in a request, by the names of access/policy-condition.ts. */
export function requestConditions(
  request: { headers: IncomingHttpHeaders; encrypted: boolean },
  address: Address,
  dialect: Dialect,
): Record<string, unknown> {
  const conditions: Record<string, unknown> = { SecureTransport: request.encrypted };
  const { referer, 'user-agent': agent } = request.headers;
  if (referer !== undefined) conditions.Referer = referer;
  if (agent !== undefined) conditions.UserAgent = agent;
  for (const name of QUERY) {
    const value = address.query.get(name);
    if (value !== undefined) conditions[name] = value;
  }
  // Those of the other dialect do nothing, so they must not meet a condition either.
  for (const [name, value] of Object.entries(request.headers)) {
    const bare = name.startsWith(dialect.prefix) ? name.slice(dialect.prefix.length) : '';
    if (HEADERS.test(bare)) conditions[`x-${bare}`] = value;
  }
  return conditions;
}
