import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../../kernel/clock.ts';
import { isFailure } from '../../../kernel/failure.ts';
import { createGuard } from '../guard.ts';
import type { Acl, BucketInfo } from '../object.ts';
import { aclOfFields } from '../protocol/acl.ts';
import type { BucketSettings } from '../settings.store.ts';
import {
  BUCKET_LISTS,
  type Case,
  expected,
  FOREIGN_OBJECT_LISTS,
  OBJECT_LISTS,
  OPERATIONS,
  type OperationName,
  POLICIES,
} from './oracle.fixture.ts';
import { callers, iamAnswer } from './principals.fixture.ts';

const bucket: BucketInfo = {
  id: 1,
  name: 'data',
  accountId: 'account-acme',
  accountName: 'acme',
  location: 'local-1',
  storageClass: 'STANDARD',
  createdAt: 0,
  kind: 'OBJECT',
};
const ACME = { id: 'account-acme', name: 'acme' };
const EVIL = { id: 'account-evil', name: 'evil' };

const listOf = (headers: Record<string, string>, owner: typeof ACME, ofObject: boolean): Acl | undefined =>
  aclOfFields(name => headers[`x-obs-${name}`], { owner, ...(ofObject ? { bucket: ACME } : {}) });

describe('who may do what with buckets and objects', () => {
  it('is as the table says, for every caller, operation, policy and pair of lists', async () => {
    let set: Partial<BucketSettings> = {};
    const authorizer = {
      decide: async (principal: { id: string }, { action }: { action: string }) => iamAnswer(principal.id, action),
    };
    const guard = createGuard(authorizer, { findBucket: async () => bucket }, { of: async () => set }, systemClock);

    async function allowed({ caller, operation, owner, objectList }: Case): Promise<boolean> {
      const { principal } = callers[caller]!;
      const { action, list } = OPERATIONS[operation];
      const path = { bucket: 'data', key: action.startsWith('obs:object:') ? 'key' : '' };
      try {
        if (list !== 'object') await guard.require(principal, action, path);
        else {
          const foreign = owner === 'evil';
          const acl = listOf(FOREIGN_OBJECT_LISTS[objectList]!.headers, foreign ? EVIL : ACME, true);
          const { check } = await guard.object(principal, action, path);
          check({ ...(foreign ? { owner: EVIL } : {}), ...(acl ? { acl } : {}) });
        }
        return true;
      } catch (error) {
        assert.ok(isFailure(error, 'AccessDenied'), String(error));
        return false;
      }
    }

    let count = 0;
    const wrong: string[] = [];
    for (const [policy, { text }] of Object.entries(POLICIES)) {
      for (const [bucketList, { headers }] of Object.entries(BUCKET_LISTS)) {
        const acl = listOf(headers, ACME, false);
        set = { ...(text ? { policy: { text } } : {}), ...(acl ? { acl } : {}) };
        for (const owner of ['acme', 'evil'] as const) {
          for (const objectList of Object.keys(owner === 'acme' ? OBJECT_LISTS : FOREIGN_OBJECT_LISTS)) {
            for (const operation of Object.keys(OPERATIONS) as OperationName[]) {
              for (const caller of Object.keys(callers)) {
                const one = { caller, operation, policy, bucketList, objectList, owner };
                count++;
                const want = expected(one);
                if ((await allowed(one)) !== want) wrong.push(`${want ? 'allow' : 'deny'} ${JSON.stringify(one)}`);
              }
            }
          }
        }
      }
    }
    assert.deepEqual(wrong.slice(0, 20), []);
    assert.ok(count > 30_000);
  });

  it('is closed where a policy is not understood any more, but for the root user, who can replace it', async () => {
    const authorizer = { decide: async () => ({ allowed: true, reason: 'granted' }) };
    const guard = createGuard(
      authorizer,
      { findBucket: async () => bucket },
      { of: async () => ({ policy: { text: '{"Statement": "of another time"}' } }) },
      systemClock,
    );
    const place = { bucket: 'data', key: '' };
    const root = callers.root!.principal;
    await assert.rejects(
      async () => guard.require(root, 'obs:bucket:ListBucket', place),
      error => isFailure(error, 'AccessDenied'),
    );
    await assert.rejects(
      async () => guard.require(callers.granted!.principal, 'obs:bucket:PutBucketPolicy', place),
      error => isFailure(error, 'AccessDenied'),
    );
    assert.equal(await guard.require(root, 'obs:bucket:DeleteBucketPolicy', place), bucket);
  });

  it('of what is an object is never decided without it', async () => {
    const authorizer = { decide: async () => ({ allowed: true, reason: 'granted' }) };
    const stores = [{ findBucket: async () => bucket }, { of: async () => ({}) }] as const;
    const guard = createGuard(authorizer, ...stores, systemClock);
    const asked = async () =>
      guard.require(callers.root!.principal, 'obs:object:GetObject', { bucket: 'data', key: 'key' });
    await assert.rejects(asked, error => isFailure(error, 'InternalError'));
  });
});
