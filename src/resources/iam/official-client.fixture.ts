import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { BasicCredentials, GlobalCredentials } from '@huaweicloud/huaweicloud-sdk-core';
import { Region } from '@huaweicloud/huaweicloud-sdk-core/region/region.js';
import { IamClient } from '@huaweicloud/huaweicloud-sdk-iam/v3/public-api.js';

import type { SignedRequest } from './signature.ts';

export { BasicCredentials, GlobalCredentials, Region };

// biome-ignore lint/suspicious/noExplicitAny: its operations are called by name with plain objects, as scripts do
export type OfficialClient = any;

/**
 * The official IAM client as it is published. Its operations take plain objects with the wire's names (`user_id`); this takes
 * `userId` as well. A region makes it look for project and account by itself, and sign by the derived algorithm where asked.
 */
export function officialClient(credentials: object, at: { endpoint: string } | { region: Region }): OfficialClient {
  const builder = (IamClient.newBuilder() as OfficialClient).withCredential(credentials);
  const client: OfficialClient =
    'region' in at
      ? builder.withRegion(at.region).withDerivedAuthServiceName('iam').build()
      : builder.withEndpoint(at.endpoint).build();
  // It prints every refusal on stderr, whole.
  client.hcClient.httpClient._logger.setLevel('silent');
  return new Proxy(client, {
    get(target, name) {
      const member = target[name];
      if (typeof member !== 'function') return member;
      return (request: Record<string, unknown> = {}) =>
        member.call(target, Object.fromEntries(Object.entries(request).map(([key, value]) => [wireName(key), value])));
    },
  });
}

/** Names of headers stay as they are. */
function wireName(name: string): string {
  if (/^[A-Z]/.test(name)) return name;
  return name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
}

/** A server that keeps what arrives, as it arrived. */
export async function recorder(t: TestContext): Promise<{ url: string; last(): SignedRequest }> {
  let last: SignedRequest | undefined;
  const server = createServer(async (request: IncomingMessage, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const [path, query = ''] = request.url!.split('?') as [string, string?];
    last = {
      method: request.method!,
      path,
      query,
      headers: request.headers as Record<string, string>,
      bodySha256: createHash('sha256').update(Buffer.concat(parts)).digest('hex'),
    };
    response.setHeader('Content-Type', 'application/json').end('{}');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, last: () => last! };
}
