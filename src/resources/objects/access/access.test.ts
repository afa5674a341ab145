import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { giveKey, type Sent, send } from '../requests.fixture.ts';
import { type ObjectWorld, objectWorld } from '../world.fixture.ts';
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

/** How each operation is asked for; those that would change who may what come with a body that is refused later on. */
const REQUESTS: Record<OperationName, [method: string, path: string, body?: string]> = {
  ListBucket: ['GET', '/data'],
  HeadBucket: ['HEAD', '/data'],
  GetBucketLocation: ['GET', '/data?location'],
  GetBucketAcl: ['GET', '/data?acl'],
  PutBucketAcl: ['PUT', '/data?acl', '<AccessControlPolicy/>'],
  PutBucketPolicy: ['PUT', '/data?policy', '{}'],
  PutObject: ['PUT', '/data/written', 'x'],
  DeleteObject: ['DELETE', '/data/none'],
  GetObject: ['GET', '/data/key'],
  GetObjectAcl: ['GET', '/data/key?acl'],
  PutObjectAcl: ['PUT', '/data/key?acl', '<AccessControlPolicy/>'],
};
const STAYS: Record<string, number> = { PutBucketAcl: 400, PutBucketPolicy: 400, PutObjectAcl: 400, DeleteObject: 204 };

describe('access over HTTP', () => {
  let world: ObjectWorld;
  const ask = (who: string | undefined, method: string, path: string, sent?: Sent) =>
    send(world, method, path, { ...sent, as: who ?? null });
  async function ok(who: string | undefined, method: string, path: string, sent?: Sent) {
    const answer = await ask(who, method, path, sent);
    assert.ok(answer.status < 300, `${who} ${method} ${path}: ${answer.status} ${answer.text}`);
    return answer;
  }
  async function refused(who: string | undefined, method: string, path: string, sent?: Sent) {
    const answer = await ask(who, method, path, sent);
    assert.deepEqual([answer.status, answer.code], [403, 'AccessDenied'], `${who} ${method} ${path}: ${answer.text}`);
    return answer;
  }
  const policy = (text: unknown) => ok('root', 'PUT', '/data?policy', { body: JSON.stringify(text) });
  const noPolicy = () => ok('root', 'DELETE', '/data?policy');
  const nameOf = (caller: string) =>
    caller === 'anonymous' ? undefined : callers[caller as keyof typeof callers]!.principal.name;

  before(async () => {
    world = await objectWorld();
    world.deny.rule = (principal, { action }) => {
      const { allowed, ...refusal } = iamAnswer(principal.id, action);
      return allowed ? undefined : refusal;
    };
    for (const [name, { principal }] of Object.entries(callers)) if (name !== 'anonymous') giveKey(world, principal);
    await ok('root', 'PUT', '/data');
    await ok('root', 'PUT', '/data/key', { body: 'hello' });
  });
  after(() => world.close());

  it('is as the table says, by headers and by signed addresses', async () => {
    const base = { policy: 'none', bucketList: 'none', objectList: 'none', owner: 'acme' as const };
    const settings: Omit<Case, 'caller' | 'operation'>[] = [
      ...Object.keys(POLICIES).map(name => ({ ...base, policy: name })),
      ...Object.keys(BUCKET_LISTS).map(bucketList => ({ ...base, bucketList })),
      ...Object.keys(OBJECT_LISTS).map(objectList => ({ ...base, objectList })),
      ...Object.keys(FOREIGN_OBJECT_LISTS).map(objectList => ({ ...base, objectList, owner: 'evil' as const })),
    ];
    const wrong: string[] = [];
    for (const setting of settings) {
      await noPolicy();
      const { headers } = BUCKET_LISTS[setting.bucketList]!;
      await ok('root', 'PUT', '/data?acl', {
        headers: headers['x-obs-acl'] || Object.keys(headers).length ? headers : { 'x-obs-acl': 'private' },
      });
      const object = { headers: FOREIGN_OBJECT_LISTS[setting.objectList]!.headers, body: 'hello' };
      if (setting.owner === 'acme') await ok('root', 'PUT', '/data/key', object);
      else {
        await policy(JSON.parse(POLICIES.otherAccount!.text!));
        await ok('foreign-root', 'PUT', '/data/key', object);
        await noPolicy();
      }
      const { text } = POLICIES[setting.policy]!;
      if (text) await ok('root', 'PUT', '/data?policy', { body: text });
      for (const operation of Object.keys(OPERATIONS) as OperationName[]) {
        const [method, path, body] = REQUESTS[operation];
        await Promise.all(
          Object.keys(callers).flatMap(caller =>
            (caller === 'anonymous' ? [false] : [false, true]).map(async presigned => {
              const sent = { presigned, ...(body === undefined ? {} : { body }) };
              const answer = await ask(nameOf(caller), method, path, sent);
              const want = expected({ ...setting, caller, operation }) ? (STAYS[operation] ?? 200) : 403;
              if (answer.status !== want) {
                wrong.push(
                  `${want} not ${answer.status} ${caller} ${operation} ${presigned} ${JSON.stringify(setting)}`,
                );
              }
            }),
          ),
        );
      }
    }
    assert.deepEqual(wrong.slice(0, 20), []);
    await noPolicy();
    await ok('root', 'PUT', '/data?acl', { headers: { 'x-obs-acl': 'private' } });
    await ok('root', 'PUT', '/data/key', { body: 'hello' });
  });

  it('lets everybody read what is public, and nothing else', async () => {
    await refused(undefined, 'GET', '/data/key');
    await ok('root', 'PUT', '/data/open', { body: 'open', headers: { 'x-obs-acl': 'public-read' } });
    assert.equal((await ok(undefined, 'GET', '/data/open')).text, 'open');
    assert.equal((await ok(undefined, 'HEAD', '/data/open')).headers['content-length'], '4');
    for (const [method, path] of [
      ['GET', '/data'],
      ['GET', '/data/open?acl'],
      ['PUT', '/data/open'],
      ['DELETE', '/data/open'],
      ['GET', '/'],
      ['PUT', '/mine'],
    ] as const) {
      await refused(undefined, method, path);
    }
    // A missing object and a closed one are the same to it.
    const [missing, closed] = [
      await refused(undefined, 'GET', '/data/nothing'),
      await refused(undefined, 'GET', '/data/key'),
    ];
    const bare = (text: string) => text.replace(/<(RequestId|HostId)>.*?<\/\1>/g, '');
    assert.equal(bare(missing.text), bare(closed.text));
    assert.equal((await ask(undefined, 'GET', '/data/open?AccessKeyId=AK-root')).code, 'AccessDenied');
  });

  it('keeps the lists that headers and documents set, in both dialects', async () => {
    const grants = (text: string) => [...text.matchAll(/<Grant>(.*?)<\/Grant>/g)].map(match => match[1]);
    await ok('root', 'PUT', '/data/listed', {
      body: 'x',
      headers: {
        'x-obs-grant-read': 'id=account-evil, id="account-third"',
        'x-obs-grant-read-acp': 'uri="http://acs.amazonaws.com/groups/global/AllUsers"',
      },
    });
    const shown = (await ok(undefined, 'GET', '/data/listed?acl')).text;
    assert.deepEqual(grants(shown), [
      '<Grantee><ID>account-evil</ID></Grantee><Permission>READ</Permission>',
      '<Grantee><ID>account-third</ID></Grantee><Permission>READ</Permission>',
      '<Grantee><Canned>Everyone</Canned></Grantee><Permission>READ_ACP</Permission>',
    ]);
    assert.equal((await ok('third', 'GET', '/data/listed')).text, 'x');
    const document = `<AccessControlPolicy><Owner><ID>account-acme</ID></Owner><AccessControlList>
      <Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant>
      <Grant><Grantee><ID>account-evil</ID><DisplayName>forged</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant>
    </AccessControlList></AccessControlPolicy>`;
    await ok('root', 'PUT', '/data/listed?acl', { body: document, dialect: 'aws' });
    assert.deepEqual(grants((await ok('root', 'GET', '/data/listed?acl', { dialect: 'aws' })).text), [
      '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission>',
      '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>account-evil</ID></Grantee><Permission>FULL_CONTROL</Permission>',
    ]);
    assert.equal((await ok(undefined, 'GET', '/data/listed')).text, 'x');
    await refused('third', 'GET', '/data/listed?acl');
    await ok('foreign-root', 'PUT', '/data/listed?acl', { headers: { 'x-obs-acl': 'private' } });
    await refused(undefined, 'GET', '/data/listed');

    const put = async (body: string | undefined, headers = {}) =>
      (await ask('root', 'PUT', '/data/listed?acl', { headers, ...(body === undefined ? {} : { body }) })).code;
    assert.equal(await put(undefined), 'MissingRequestBodyError');
    assert.equal(await put(undefined, { 'x-obs-acl': 'public-read-delivered' }), 'InvalidArgument');
    assert.equal(await put(undefined, { 'x-obs-acl': 'private', 'x-obs-grant-read': 'id=a' }), 'InvalidRequest');
    assert.equal(await put(undefined, { 'x-obs-grant-read': 'emailAddress="a@b"' }), 'InvalidArgument');
    assert.equal(await put(document, { 'x-obs-acl': 'private' }), 'InvalidRequest');
    assert.equal(await put(document.replace('account-acme', 'account-evil')), 'AccessDenied');
    assert.equal(await put(document.replace('READ', 'LOOK')), 'MalformedACLError');
    assert.equal(await put('<AccessControlPolicy/>'), 'MalformedACLError');
    assert.equal(await put('nonsense'), 'MalformedXML');
  });

  it('gives what another account writes to that account, but lets the bucket owner delete it', async () => {
    await policy({
      Statement: [
        { Effect: 'Allow', Principal: { ID: ['domain/account-evil'] }, Action: ['PutObject'], Resource: ['data/in/*'] },
      ],
    });
    await ok('foreign-granted', 'PUT', '/data/in/a', { body: 'theirs' });
    await refused('foreign-ungranted', 'PUT', '/data/in/a', { body: 'theirs' });
    await refused('foreign-granted', 'PUT', '/data/out', { body: 'theirs' });
    assert.equal((await ok('foreign-granted', 'GET', '/data/in/a')).text, 'theirs');
    const told = (await refused('root', 'GET', '/data/in/a')).text;
    assert.doesNotMatch(told, /evil/);
    await refused('root', 'PUT', '/data/in/a?acl', { headers: { 'x-obs-acl': 'public-read' } });
    const entry = /<Key>in\/a<.*?<\/Contents>/s.exec((await ok('root', 'GET', '/data', { dialect: 'aws' })).text)![0];
    assert.match(entry, /<Owner><ID>account-evil<\/ID><\/Owner>/);
    await ok('foreign-granted', 'PUT', '/data/in/a?acl', { headers: { 'x-obs-acl': 'bucket-owner-read' } });
    assert.equal((await ok('root', 'GET', '/data/in/a')).text, 'theirs');
    // A copy is its maker's; no list is copied.
    await ok('root', 'PUT', '/data/copy', { headers: { 'x-obs-copy-source': '/data/in/a' } });
    await refused('foreign-granted', 'GET', '/data/copy');
    assert.match((await ok('root', 'GET', '/data/copy?acl')).text, /<Owner><ID>account-acme<.*<Delivered>true/);
    // What is uploaded in parts is the account's too, and nobody else adds to it.
    const id = /<UploadId>(.*?)</.exec((await ok('foreign-granted', 'POST', '/data/in/b?uploads')).text)![1]!;
    assert.equal(
      (await ask('root', 'PUT', `/data/in/b?uploadId=${id}&partNumber=1`, { body: 'x' })).code,
      'NoSuchUpload',
    );
    const etag = (await ok('foreign-granted', 'PUT', `/data/in/b?uploadId=${id}&partNumber=1`, { body: 'x' })).headers
      .etag;
    assert.match((await ok('root', 'GET', '/data?uploads')).text, /<Initiator><ID>account-evil</);
    const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`;
    await ok('foreign-granted', 'POST', `/data/in/b?uploadId=${id}`, { body });
    await refused('root', 'GET', '/data/in/b');
    await ok('root', 'DELETE', '/data/in/a');
    await ok('root', 'DELETE', '/data/in/b');
    await noPolicy();
  });

  it('asks for the right to open an object to others where an upload does so', async () => {
    const { rule } = world.deny;
    world.deny.rule = (principal, asked) =>
      asked.action === 'obs:object:PutObjectAcl' ? 'no grant' : rule?.(principal, asked);
    await ok('granted', 'PUT', '/data/mine', { body: 'x', headers: { 'x-obs-acl': 'private' } });
    await refused('granted', 'PUT', '/data/mine', { body: 'x', headers: { 'x-obs-acl': 'public-read' } });
    await refused('granted', 'POST', '/data/mine?uploads', { headers: { 'x-obs-grant-read': 'id=account-evil' } });
    await refused('granted', 'PUT', '/data/mine', {
      headers: { 'x-obs-copy-source': '/data/key', 'x-obs-acl': 'public-read' },
    });
    world.deny.rule = rule!;
    // What anonymous callers write is the bucket owner's: they open nothing.
    await ok('root', 'PUT', '/drop', { headers: { 'x-obs-acl': 'public-read-write' } });
    await ok(undefined, 'PUT', '/drop/a', { body: 'a' });
    await refused(undefined, 'PUT', '/drop/b', { body: 'b', headers: { 'x-obs-acl': 'public-read' } });
    await refused(undefined, 'GET', '/drop/a');
    assert.equal((await ok('root', 'GET', '/drop/a')).text, 'a');
    const id = /<UploadId>(.*?)</.exec((await ok('root', 'POST', '/drop/c?uploads')).text)![1]!;
    assert.equal(
      (await ask(undefined, 'PUT', `/drop/c?uploadId=${id}&partNumber=1`, { body: 'x' })).code,
      'NoSuchUpload',
    );
  });

  it('judges by the conditions of a policy', async () => {
    const allow = (condition: unknown, action: unknown = ['GetObject', 'ListBucket', 'PutObject', 'PutObjectAcl']) => ({
      Statement: [
        { Effect: 'Allow', Principal: '*', Action: action, Resource: ['data', 'data/*'], Condition: condition },
      ],
    });
    await policy(allow({ IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }));
    await ok(undefined, 'GET', '/data/key');
    await policy(allow({ IpAddress: { SourceIp: ['10.0.0.0/8'] } }));
    await refused(undefined, 'GET', '/data/key');
    await policy(allow({ StringLike: { Referer: ['https://site.example/*'] } }));
    await ok(undefined, 'GET', '/data/key', { headers: { referer: 'https://site.example/page' } });
    await refused(undefined, 'GET', '/data/key');
    await policy(
      allow({ StringEquals: { prefix: 'key', delimiter: '/' }, NumericLessThanEquals: { 's3:max-keys': 10 } }),
    );
    await ok(undefined, 'GET', '/data?prefix=key&delimiter=/&max-keys=10');
    await refused(undefined, 'GET', '/data?prefix=key&delimiter=/&max-keys=11');
    await refused(undefined, 'GET', '/data');
    await policy(allow({ Bool: { 'aws:SecureTransport': 'true' } }));
    await refused(undefined, 'GET', '/data/key');
    await policy(allow({ DateGreaterThan: { 'aws:CurrentTime': '2020-01-01T00:00:00Z' } }));
    await ok(undefined, 'GET', '/data/key');
    // The header that counts is the one that does something.
    await policy(allow({ StringEquals: { 'x-obs-acl': 'public-read' } }));
    await ok(undefined, 'PUT', '/data/by', { body: 'x', headers: { 'x-obs-acl': 'public-read' } });
    await refused(undefined, 'PUT', '/data/by', { body: 'x' });
    await refused(undefined, 'PUT', '/data/by', {
      body: 'x',
      headers: { 'x-obs-acl': 'public-read', 'x-amz-date': 'x' },
    });
    // A Deny on what differs holds also where the header is left out.
    const deny = allow({ StringNotEquals: { 's3:x-amz-acl': 'bucket-owner-full-control' } }, 's3:PutObject');
    await policy({ Statement: [{ ...deny.Statement[0], Effect: 'Deny' }] });
    await refused('granted', 'PUT', '/data/by', { body: 'x' });
    await ok('granted', 'PUT', '/data/by', { body: 'x', headers: { 'x-obs-acl': 'bucket-owner-full-control' } });
    await noPolicy();
  });

  it('says of a policy whether it is public, and blocks what is', async () => {
    const open = {
      Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::data/*' }],
    };
    const text = JSON.stringify(open);
    assert.equal((await ask('root', 'GET', '/data?policyStatus', { dialect: 'aws' })).code, 'NoSuchBucketPolicy');
    await policy(open);
    assert.equal((await ok('root', 'GET', '/data?policy')).text, text);
    assert.match((await ok('root', 'GET', '/data?policyStatus')).text, /<IsPublic>true</);
    const block = (names: string[]) =>
      ok('root', 'PUT', '/data?publicAccessBlock', {
        body: `<PublicAccessBlockConfiguration>${names.map(name => `<${name}>true</${name}>`).join('')}</PublicAccessBlockConfiguration>`,
      });
    assert.equal((await ask('root', 'GET', '/data?publicAccessBlock')).code, 'NoSuchPublicAccessBlockConfiguration');
    await block(['RestrictPublicBuckets']);
    await refused(undefined, 'GET', '/data/key');
    await ok('ungranted', 'GET', '/data/key');
    await block(['BlockPublicPolicy', 'BlockPublicAcls', 'IgnorePublicAcls']);
    assert.match(
      (await ok('root', 'GET', '/data?publicAccessBlock')).text,
      /<IgnorePublicAcls>true<.*<RestrictPublicBuckets>false</,
    );
    await refused('root', 'PUT', '/data?policy', { body: text });
    await refused('root', 'PUT', '/data?acl', { headers: { 'x-obs-acl': 'public-read' } });
    await refused('root', 'PUT', '/data/key', { body: 'x', headers: { 'x-obs-acl': 'public-read' } });
    await noPolicy();
    await refused(undefined, 'GET', '/data/open');
    await ok('root', 'DELETE', '/data?publicAccessBlock');
    await ok(undefined, 'GET', '/data/open');
  });

  it('tells in refusals nothing of other accounts', async () => {
    await policy({
      Statement: [
        { Sid: 'SecretSid', Effect: 'Deny', Principal: '*', Action: '*', Resource: ['data', 'data/*'] },
        { Effect: 'Allow', Principal: { ID: 'domain/account-third:user/secret-user' }, Action: '*', Resource: 'data' },
      ],
    });
    for (const who of [undefined, 'foreign-root', 'foreign-granted', 'foreign-ungranted', 'third']) {
      for (const [method, path, body] of Object.values(REQUESTS)) {
        const answer = await ask(who, method, path, { ...(body ? { body } : {}), dialect: 'aws' });
        assert.equal(answer.status, 403, `${who} ${method} ${path}`);
        const told = `${answer.text} ${JSON.stringify(answer.headers)}`;
        assert.doesNotMatch(told, /acme|Secret|secret|statement|local-1/, `${who} ${method} ${path}: ${told}`);
        assert.equal(answer.headers['x-amz-bucket-region'], undefined);
      }
    }
    await noPolicy();
    assert.equal((await ask('foreign-root', 'GET', '/no-such-bucket')).code, 'NoSuchBucket');
    // Among what may be read, what is another's and what is missing are the same.
    await policy({
      Statement: [{ Effect: 'Allow', Principal: '*', Action: ['GetObject', 'PutObject'], Resource: 'data/*' }],
    });
    await ok('foreign-root', 'PUT', '/data/theirs', { body: 'x' });
    for (const who of [undefined, 'third']) {
      const bare = async (path: string) =>
        (await refused(who, 'GET', path)).text.replace(/<(RequestId|HostId)>.*?<\/\1>/g, '');
      assert.equal(await bare('/data/theirs'), await bare('/data/missing'));
    }
    await noPolicy();
    // Whoever may list sees ids of accounts, not names.
    await ok('root', 'PUT', '/data?acl', { headers: { 'x-obs-acl': 'public-read' } });
    const list = (await ok('third', 'GET', '/data', { dialect: 'aws' })).text;
    assert.match(list, /<Owner><ID>account-acme<\/ID><\/Owner>/);
    assert.doesNotMatch(list, /DisplayName/);
    await ok('root', 'PUT', '/data?acl', { headers: { 'x-obs-acl': 'private' } });
  });

  it('puts in the trail who it was, also where nobody knows', async () => {
    world.records.length = 0;
    await refused(undefined, 'GET', '/data/key');
    await refused('foreign-root', 'GET', '/data/key');
    const [anonymous, foreign] = world.records;
    assert.deepEqual(
      [
        anonymous!.principalKind,
        anonymous!.principalId,
        anonymous!.accountId,
        anonymous!.credential,
        anonymous!.verdict,
        anonymous!.action,
      ],
      ['anonymous', undefined, 'account-acme', 'none', 'deny', 'obs:object:GetObject'],
    );
    assert.deepEqual([foreign!.principalName, foreign!.accountId], ['foreign-root', 'account-evil']);
    world.records.length = 0;
    await ok('root', 'PUT', '/data?acl', { headers: { 'x-obs-acl': 'private' } });
    assert.deepEqual([world.records[0]!.action, world.records[0]!.status], ['obs:bucket:PutBucketAcl', 200]);
  });
});
