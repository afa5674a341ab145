import type { IncomingMessage } from 'node:http';
import type { Address } from './address.ts';

const QUERY = ['prefix', 'delimiter', 'max-keys', 'versionId'];
const PREFIX = /^x-(?:obs|amz)-/;
const HEADERS = /^(?:acl|copy-source|metadata-directive|storage-class|server-side-encryption|grant-[a-z-]+)$/;

/** What conditions of a bucket's policy may look at in a request, by the names of access/policy-condition.ts. */
export function requestConditions(request: IncomingMessage, address: Address): Record<string, unknown> {
  const conditions: Record<string, unknown> = { SecureTransport: 'encrypted' in request.socket };
  const { referer, 'user-agent': agent } = request.headers;
  if (referer !== undefined) conditions.Referer = referer;
  if (agent !== undefined) conditions.UserAgent = agent;
  for (const name of QUERY) {
    const value = address.query.get(name);
    if (value !== undefined) conditions[name] = value;
  }
  for (const [name, value] of Object.entries(request.headers)) {
    const bare = PREFIX.test(name) ? name.replace(PREFIX, '') : '';
    // A header in both dialects counts with both values: a condition must not be met by the one that is not looked at.
    if (HEADERS.test(bare)) conditions[`x-${bare}`] = [conditions[`x-${bare}`] ?? [], value ?? []].flat();
  }
  return conditions;
}
