import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { BasicCredentials, GlobalCredentials, type OfficialClient, officialClient } from './official-client.fixture.ts';
import { type IamWorld, iamWorld, type Root } from './world.fixture.ts';

export interface Key {
  access: string;
  secret: string;
  securitytoken?: string;
}

/** The official client, unchanged, with a key at account level, or at project level where a project is given. */
export function sdk(world: IamWorld, key: Key, at: { domainId?: string; projectId?: string } = {}): OfficialClient {
  const credentials = at.projectId
    ? new BasicCredentials().withProjectId(at.projectId)
    : new GlobalCredentials().withDomainId(at.domainId ?? world.root.accountId);
  credentials.withAk(key.access).withSk(key.secret);
  if (key.securitytoken) credentials.withSecurityToken(key.securitytoken);
  return officialClient(credentials, { endpoint: world.url });
}

export const rootKey = (root: Root): Key => ({ access: root.accessKey, secret: root.secretKey });

/** Resolves when a call of the official client is refused with this status and text. */
export async function refused(call: Promise<unknown>, status: number, text: RegExp): Promise<void> {
  await assert.rejects(call, (error: { httpStatusCode?: number; errorMsg?: string; message?: string }) => {
    assert.equal(error.httpStatusCode, status, JSON.stringify(error));
    assert.match(error.errorMsg ?? error.message ?? '', text);
    return true;
  });
}

/** A world with the official client of its root user. */
export async function setUp(t: TestContext): Promise<{ world: IamWorld; admin: OfficialClient }> {
  const world = await iamWorld(t);
  return { world, admin: sdk(world, rootKey(world.root)) };
}
