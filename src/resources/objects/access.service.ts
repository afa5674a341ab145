import type { Database } from '../../store-kit/index.ts';
import { isPublicAcl, opensToOthers, ownerOfObject } from './access/acl.ts';
import { parseBucketPolicy } from './access/bucket-policy.ts';
import type { Commit } from './commit-queue.ts';
import { obsFailure } from './failures.ts';
import type { Asking, Guard } from './guard.ts';
import type { Acl, BucketInfo, ObjectAttributes, ObjectInfo, ObsPath } from './object.ts';
import type { BucketSettings, PublicAccessBlock, SettingsStore } from './settings.store.ts';
import { admitted, updateVersion } from './versions.ts';

/** Use cases on who may do what: policies and access control lists of buckets, and lists of objects. */
export function accessService(deps: { db: Database; settings: SettingsStore; commit: Commit; guard: Guard }) {
  const { db, settings, commit, guard } = deps;

  async function setting<N extends keyof BucketSettings>(
    principal: Asking,
    bucket: string,
    action: string,
    name: N,
  ): Promise<{ bucket: BucketInfo; value: BucketSettings[N] | undefined }> {
    const found = await guard.require(principal, `obs:bucket:${action}`, { bucket, key: '' });
    const value = (await settings.of(found.id))[name] as BucketSettings[N] | undefined;
    return { bucket: found, value };
  }

  return {
    policy: (principal: Asking, bucket: string) => setting(principal, bucket, 'GetBucketPolicy', 'policy'),

    /** Throws Failure MalformedPolicy. */
    async setPolicy(principal: Asking, name: string, text: string): Promise<void> {
      const bucket = await guard.require(principal, 'obs:bucket:PutBucketPolicy', { bucket: name, key: '' });
      const policy = parseBucketPolicy(text, bucket.name, bucket.accountId);
      const { publicAccessBlock } = await settings.of(bucket.id);
      if (publicAccessBlock?.blockPublicPolicy && policy.isPublic) {
        throw obsFailure(
          'AccessDenied',
          "The bucket's public access block forbids policies that are open to everybody.",
        );
      }
      await settings.set(bucket.id, 'policy', { text });
    },

    async deletePolicy(principal: Asking, name: string): Promise<void> {
      const bucket = await guard.require(principal, 'obs:bucket:DeleteBucketPolicy', { bucket: name, key: '' });
      await settings.unset(bucket.id, 'policy');
    },

    /** Whether the policy is open to everybody; undefined where there is none (OBS API reference, `?policyStatus`, its permission too). */
    async policyIsPublic(principal: Asking, name: string): Promise<boolean | undefined> {
      const { bucket, value } = await setting(principal, name, 'GetBucketPolicyPublicStatus', 'policy');
      return value && parseBucketPolicy(value.text, bucket.name, bucket.accountId).isPublic;
    },

    /** Whether the policy or the list of the bucket lets everybody in, past its public access block (the same, `?bucketStatus`). */
    async bucketIsPublic(principal: Asking, name: string): Promise<boolean> {
      const bucket = await guard.require(principal, 'obs:bucket:GetBucketPublicStatus', { bucket: name, key: '' });
      const { policy, acl, publicAccessBlock: block } = await settings.of(bucket.id);
      const open = policy && parseBucketPolicy(policy.text, bucket.name, bucket.accountId).isPublic;
      return (open && !block?.restrictPublicBuckets) || (isPublicAcl(acl) && !block?.ignorePublicAcls);
    },

    publicAccessBlock: (principal: Asking, bucket: string) =>
      setting(principal, bucket, 'GetBucketPublicAccessBlock', 'publicAccessBlock'),

    async setPublicAccessBlock(principal: Asking, name: string, block: PublicAccessBlock | undefined): Promise<void> {
      const action = `obs:bucket:${block ? 'Put' : 'Delete'}BucketPublicAccessBlock`;
      const bucket = await guard.require(principal, action, { bucket: name, key: '' });
      if (block) await settings.set(bucket.id, 'publicAccessBlock', block);
      else await settings.unset(bucket.id, 'publicAccessBlock');
    },

    bucketAcl: (principal: Asking, bucket: string) => setting(principal, bucket, 'GetBucketAcl', 'acl'),

    /** `read` makes the list, knowing the bucket; undefined means its owner alone. */
    async setBucketAcl(principal: Asking, name: string, read: (bucket: BucketInfo) => { acl?: Acl }): Promise<void> {
      const bucket = await guard.require(principal, 'obs:bucket:PutBucketAcl', { bucket: name, key: '' });
      const { acl } = read(bucket);
      if (acl) checkBlock((await settings.of(bucket.id)).publicAccessBlock, acl);
      if (acl) await settings.set(bucket.id, 'acl', acl);
      else await settings.unset(bucket.id, 'acl');
    },

    /** Throws Failure NoSuchKey. */
    async objectAcl(
      principal: Asking,
      path: ObsPath,
      versionId?: string,
    ): Promise<{ bucket: BucketInfo; info: ObjectInfo }> {
      const access = await guard.object(principal, 'obs:object:GetObjectAcl', path);
      return { bucket: access.bucket, info: (await admitted(db, access, path, versionId)).info };
    },

    /** As setBucketAcl, of an object. Throws Failure NoSuchKey. */
    async setObjectAcl(
      principal: Asking,
      path: ObsPath,
      versionId: string | undefined,
      read: (bucket: BucketInfo, info: ObjectInfo) => { acl?: Acl },
    ): Promise<void> {
      const access = await guard.object(principal, 'obs:object:PutObjectAcl', path);
      const { publicAccessBlock } = await settings.of(access.bucket.id);
      await commit(async transaction => {
        const { info, ...found } = await admitted(transaction, access, path, versionId);
        const { acl } = read(access.bucket, info);
        if (acl) checkBlock(publicAccessBlock, acl);
        const { acl: _, ...rest } = JSON.parse(found.row.attributes) as Omit<ObjectAttributes, 'storageClass'>;
        const row = { ...found.row, attributes: JSON.stringify({ ...rest, ...(acl ? { acl } : {}) }) };
        await updateVersion(transaction, { ...found, row });
      });
    },

    /**
     * Refuses a list for an object about to be written unless the caller may give it one: what opens it to others takes the right to change
     * the lists of objects too. Throws Failure AccessDenied.
     */
    async checkNewAcl(
      principal: Asking,
      path: ObsPath,
      bucket: BucketInfo,
      owner: Pick<ObjectInfo, 'owner'>,
      acl: Acl,
    ): Promise<void> {
      if (opensToOthers(acl, ownerOfObject(bucket, owner), bucket.accountId)) {
        const { check } = await guard.object(principal, 'obs:object:PutObjectAcl', path);
        check(owner);
      }
      checkBlock((await settings.of(bucket.id)).publicAccessBlock, acl);
    },
  };
}

export type AccessService = ReturnType<typeof accessService>;

/** Throws Failure AccessDenied where the bucket is kept from being opened to everybody. */
function checkBlock(block: PublicAccessBlock | undefined, acl: Acl): void {
  if (block?.blockPublicAcls && isPublicAcl(acl)) {
    throw obsFailure('AccessDenied', "The bucket's public access block forbids ACLs that are open to everybody.");
  }
}
