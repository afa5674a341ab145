import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { s3Client } from '../../src/resources/objects/clients.fixture.ts';
import { createInstallation, type Installation } from '../e2e/installation.ts';

const ObsClient = createRequire(import.meta.url)('esdk-obs-nodejs');

interface Key {
  access: string;
  secret: string;
  securitytoken?: string;
}

/** The storage clients that people use, as they are published, with credentials that identity really issued. */
describe('official storage clients', () => {
  let at: Installation;
  let permanent: Key;
  let agencyId: string;
  /** Keys of an agency, and of the root user's own token. */
  let assumed: Key;
  let own: Key;

  before(async () => {
    at = await createInstallation();
    permanent = { access: at.profile.key!.access, secret: at.profile.key!.secret };
    const trust = { name: 'storekeepers', domain_id: at.accountId, trust_domain_id: at.accountId };
    agencyId = (await api('POST', '/v3.0/OS-AGENCY/agencies', { agency: trust })).agency.id;
    await api('PUT', await grantPath());
    const temporary = (identity: object) =>
      api('POST', '/v3.0/OS-CREDENTIAL/securitytokens', { auth: { identity } }).then(
        answer => answer.credential as Key,
      );
    const assume_role = { agency_name: 'storekeepers', domain_id: at.accountId };
    assumed = await temporary({ methods: ['assume_role'], assume_role });
    own = await temporary({ methods: ['token'], token: { duration_seconds: 900 } });
  });
  after(() => at?.remove());

  // biome-ignore lint/suspicious/noExplicitAny: answers of all shapes
  async function api(method: string, path: string, body?: object): Promise<any> {
    const login = await fetch(`${at.profile.endpoints.api}/v3/auth/tokens`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        auth: {
          identity: {
            methods: ['password'],
            password: {
              user: { name: at.profile.user, password: at.profile.password, domain: { name: at.profile.account } },
            },
          },
          scope: { project: { name: at.profile.region } },
        },
      }),
    });
    const answer = await fetch(at.profile.endpoints.api + path, {
      method,
      headers: { 'X-Auth-Token': login.headers.get('x-subject-token')!, 'Content-Type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path} answered ${answer.status}: ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** Where the agency's right to all of the object storage is granted and taken back. */
  async function grantPath(): Promise<string> {
    const { roles } = await api('GET', '/v3/roles?display_name=OBS%20Administrator');
    return `/v3.0/OS-AGENCY/domains/${at.accountId}/agencies/${agencyId}/roles/${roles[0].id}`;
  }

  const esdk = (key: Key) =>
    new ObsClient({
      access_key_id: key.access,
      secret_access_key: key.secret,
      security_token: key.securitytoken,
      server: at.profile.endpoints.obs,
    });

  const s3 = ({ securitytoken: securityToken, ...key }: Key) =>
    s3Client(
      at.profile.endpoints.obs,
      { ...key, ...(securityToken ? { securityToken } : {}) },
      { region: at.profile.region },
    );

  const keys: [string, () => Key][] = [
    ['a permanent key', () => permanent],
    ['temporary keys of an agency', () => assumed],
    ['temporary keys of a token', () => own],
  ];
  for (const [name, key] of keys) {
    it(`esdk-obs-nodejs with ${name}`, async () => {
      const obs = esdk(key());
      await tick(); // it is ready only then
      const Bucket = `esdk-${randomBytes(4).toString('hex')}`;
      const ok = async (method: string, args: object) => {
        const { CommonMsg, InterfaceResult } = await obs[method](args);
        assert.ok(CommonMsg.Status < 300, `${method}: ${JSON.stringify(CommonMsg)}`);
        return InterfaceResult;
      };
      await ok('createBucket', { Bucket, Location: at.profile.region });
      await ok('putObject', { Bucket, Key: 'dir/a b.txt', Body: 'hello', Metadata: { colour: 'red' } });
      assert.equal(String((await ok('getObject', { Bucket, Key: 'dir/a b.txt' })).Content), 'hello');
      assert.equal((await ok('getObjectMetadata', { Bucket, Key: 'dir/a b.txt' })).Metadata.colour, 'red');
      const { Contents } = await ok('listObjects', { Bucket, Prefix: 'dir/' });
      assert.deepEqual(
        Contents.map((item: { Key: string }) => item.Key),
        ['dir/a b.txt'],
      );
      await ok('copyObject', { Bucket, Key: 'copy', CopySource: `${Bucket}/dir/a b.txt` });
      const { SignedUrl } = obs.createSignedUrlSync({ Method: 'GET', Bucket, Key: 'copy', Expires: 60 });
      assert.equal(await (await fetch(SignedUrl)).text(), 'hello');
      for (const Key of ['dir/a b.txt', 'copy']) await ok('deleteObject', { Bucket, Key });
      const gone = await obs.getObject({ Bucket, Key: 'copy' });
      assert.deepEqual([gone.CommonMsg.Status, gone.CommonMsg.Code], [404, 'NoSuchKey']);
      await ok('deleteBucket', { Bucket });
      obs.close();
    });

    it(`the AWS SDK with ${name}`, async () => {
      const client = s3(key());
      const Bucket = `aws-${randomBytes(4).toString('hex')}`;
      await client.send(new CreateBucketCommand({ Bucket }));
      const { Buckets } = await client.send(new ListBucketsCommand({}));
      assert.ok(Buckets?.some(item => item.Name === Bucket));
      await client.send(new PutObjectCommand({ Bucket, Key: 'small', Body: 'hello', ContentType: 'text/plain' }));
      const small = await client.send(new GetObjectCommand({ Bucket, Key: 'small', Range: 'bytes=1-3' }));
      assert.equal(await small.Body!.transformToString(), 'ell');

      const big = randomBytes(11 * 1024 * 1024);
      const upload = { Bucket, Key: 'big', Body: Readable.from([big.subarray(0, 7_000_000), big.subarray(7_000_000)]) };
      await new Upload({ client, params: upload }).done();
      const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'big' }));
      assert.equal(head.ContentLength, big.length);
      const link = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: 'big' }), { expiresIn: 60 });
      const got = Buffer.from(await (await fetch(link)).arrayBuffer());
      const sha = (data: Buffer) => createHash('sha256').update(data).digest('hex');
      assert.equal(sha(got), sha(big));

      const listed = await client.send(new ListObjectsV2Command({ Bucket }));
      assert.deepEqual(
        listed.Contents?.map(item => item.Key),
        ['big', 'small'],
      );
      await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'big' }, { Key: 'small' }] } }));
      await client.send(new DeleteBucketCommand({ Bucket }));
      client.destroy();
    });
  }

  it('temporary keys are worth nothing without their token, and what their agency may at that moment', async () => {
    const thief = s3({ access: assumed.access, secret: assumed.secret });
    await assert.rejects(thief.send(new ListBucketsCommand({})), { name: 'InvalidToken' });
    const delegate = s3(assumed);
    await delegate.send(new ListBucketsCommand({}));
    await api('DELETE', await grantPath());
    await assert.rejects(delegate.send(new ListBucketsCommand({})), (error: Error) => {
      assert.equal(error.name, 'AccessDenied');
      assert.match(error.message, /agency storekeepers .*obs:bucket:ListAllMyBuckets/i);
      return true;
    });
    await api('DELETE', `/v3.0/OS-AGENCY/agencies/${agencyId}`);
    await assert.rejects(delegate.send(new ListBucketsCommand({})), (error: Error) => {
      assert.match(error.name, /InvalidAccessKeyId|AccessDenied/);
      return true;
    });
  });
});
