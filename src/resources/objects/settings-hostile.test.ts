import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { send } from './requests.fixture.ts';
import { type ObjectWorld, objectWorld, person } from './world.fixture.ts';

const ann = person('ann');

describe('hostile documents', () => {
  let world: ObjectWorld;
  before(async () => {
    world = await objectWorld();
    await world.objects.service.createBucket(ann, 'settings');
  });
  after(() => world.close());
  const rules = (count: number, text: string) => text.repeat(count);
  const cors = (inner: string) => `<CORSConfiguration>${inner}</CORSConfiguration>`;
  const corsRule = '<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>';
  const lifecycle = (inner: string, status = 'Enabled') =>
    `<LifecycleConfiguration><Rule><ID>r</ID><Prefix>a</Prefix><Status>${status}</Status>${inner}</Rule></LifecycleConfiguration>`;
  const website = (inner: string) => `<WebsiteConfiguration>${inner}</WebsiteConfiguration>`;

  for (const [name, sub, body, code, message] of [
    ['no document', 'cors', '', 'MissingRequestBodyError', /CORSConfiguration/],
    ['another root', 'cors', '<Quota/>', 'MalformedXML', /root element must be CORSConfiguration/],
    ['no rule', 'cors', cors(''), 'MalformedXML', /CORSRule is missing/],
    ['101 rules', 'cors', cors(rules(101, corsRule)), 'InvalidArgument', /101 times; the limit is 100/],
    ['64 KB', 'cors', cors(`<!-- ${'x'.repeat(65_000)} -->${corsRule.repeat(10)}`), 'MalformedXML', /limit is 65536/],
    ['method', 'cors', cors(corsRule.replace('GET', 'TRACE')), 'MalformedXML', /AllowedMethod is &quot;TRACE&quot;/],
    ['two wildcards', 'cors', cors(corsRule.replace('*', 'http://*.a.*')), 'InvalidArgument', /at most one wildcard/],
    ['header split', 'cors', cors(corsRule.replace('*', 'http://a&#13;&#10;X: y')), 'InvalidArgument', /AllowedOrigin/],
    ['an unknown element', 'cors', cors(`${corsRule}<Evil/>`), 'MalformedXML', /Evil is not known/],
    ['prototype', 'cors', cors(`${corsRule}<__proto__><x/></__proto__>`), 'MalformedXML', /./],
    ['constructor', 'cors', cors(`${corsRule}<constructor/>`), 'MalformedXML', /./],
    ['an entity', 'cors', '<!DOCTYPE a [<!ENTITY x "y">]><CORSConfiguration/>', 'MalformedXML', /Document types/],
    ['elements in text', 'quota', '<Quota><StorageQuota><a/></StorageQuota></Quota>', 'MalformedXML', /must hold text/],
    ['a negative quota', 'quota', '<Quota><StorageQuota>-1</StorageQuota></Quota>', 'InvalidArgument', /whole number/],
    [
      'too much quota',
      'quota',
      `<Quota><StorageQuota>${'9'.repeat(30)}</StorageQuota></Quota>`,
      'InvalidArgument',
      /./,
    ],
    ['two quotas', 'quota', `<Quota>${'<StorageQuota>1</StorageQuota>'.repeat(2)}</Quota>`, 'MalformedXML', /once/],
    [
      'a tag twice',
      'tagging',
      `<Tagging><TagSet>${'<Tag><Key>a</Key><Value/></Tag>'.repeat(2)}</TagSet></Tagging>`,
      'InvalidTag',
      /twice/,
    ],
    [
      'a long tag',
      'tagging',
      `<Tagging><TagSet><Tag><Key>${'k'.repeat(129)}</Key><Value/></Tag></TagSet></Tagging>`,
      'InvalidArgument',
      /129 characters; the limit is 128/,
    ],
    ['no action', 'lifecycle', lifecycle(''), 'InvalidArgument', /at least one action/],
    [
      'days and date',
      'lifecycle',
      lifecycle('<Expiration><Days>1</Days><Date>2030-01-01T00:00:00Z</Date></Expiration>'),
      'MalformedXML',
      /one of Date, Days/,
    ],
    ['0 days', 'lifecycle', lifecycle('<Expiration><Days>0</Days></Expiration>'), 'InvalidArgument', /from 1/],
    [
      'noon',
      'lifecycle',
      lifecycle('<Expiration><Date>2030-01-01T12:00:00Z</Date></Expiration>'),
      'InvalidArgument',
      /midnight UTC/,
    ],
    [
      'a status',
      'lifecycle',
      lifecycle('<Expiration><Days>1</Days></Expiration>', 'On'),
      'MalformedXML',
      /Enabled or Disabled/,
    ],
    [
      'an order',
      'lifecycle',
      lifecycle(
        '<Transition><Days>9</Days><StorageClass>COLD</StorageClass></Transition><Expiration><Days>9</Days></Expiration>',
      ),
      'InvalidArgument',
      /must be more than/,
    ],
    [
      'back to STANDARD',
      'lifecycle',
      lifecycle('<Transition><Days>9</Days><StorageClass>STANDARD</StorageClass></Transition>'),
      'InvalidArgument',
      /WARM or COLD/,
    ],
    ['no index', 'website', website(''), 'InvalidArgument', /IndexDocument or RedirectAll/],
    [
      'a path as index',
      'website',
      website('<IndexDocument><Suffix>a/b</Suffix></IndexDocument>'),
      'InvalidArgument',
      /without slash/,
    ],
    [
      'a host with path',
      'website',
      website('<RedirectAllRequestsTo><HostName>a/b</HostName></RedirectAllRequestsTo>'),
      'InvalidArgument',
      /a host name/,
    ],
    [
      'an algorithm',
      'encryption',
      '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>rot13</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>',
      'InvalidArgument',
      /rot13/,
    ],
    [
      'an event',
      'notification',
      '<NotificationConfiguration><TopicConfiguration><Topic>t</Topic><Event>Boom</Event></TopicConfiguration></NotificationConfiguration>',
      'InvalidArgument',
      /no event/,
    ],
    ['a class', 'storageClass', '<StorageClass>LUKEWARM</StorageClass>', 'InvalidStorageClass', /LUKEWARM/],
    ['a domain', 'customdomain=www.example.com', '', 'NotImplemented', /reverse proxy/],
  ] as const) {
    it(`${sub}: ${name} is refused as ${code}`, async () => {
      const answer = await send(world, 'PUT', `/settings?${sub}`, { body });
      assert.equal(answer.code, code, answer.text);
      assert.match(answer.text, message);
    });
  }

  it('another account, and who is denied, learn and change nothing', async () => {
    for (const sub of ['cors', 'website', 'lifecycle', 'tagging', 'quota', 'logging', 'notification', 'encryption']) {
      for (const method of ['GET', 'PUT']) {
        const answer = await send(world, method, `/settings?${sub}`, {
          as: 'eve',
          ...(method === 'PUT' ? { body: '<x/>' } : {}),
        });
        assert.equal(answer.code, 'AccessDenied', `${method} ${sub}`);
      }
    }
    world.deny.rule = (principal, request) =>
      principal.name === 'bob' && request.action === 'obs:object:PutObject' ? 'not bob' : undefined;
    const body =
      '<BucketLoggingStatus><LoggingEnabled><TargetBucket>settings</TargetBucket></LoggingEnabled></BucketLoggingStatus>';
    assert.equal((await send(world, 'PUT', '/settings?logging', { as: 'bob', body })).code, 'AccessDenied');
  });

  it('parts of unfinished uploads count for the quota, and an object may be replaced within it', async () => {
    await world.objects.service.createBucket(ann, 'narrow');
    await send(world, 'PUT', '/narrow?quota', { body: '<Quota><StorageQuota>10</StorageQuota></Quota>' });
    const begun = await send(world, 'POST', '/narrow/k?uploads');
    const id = /<UploadId>(.*?)</.exec(begun.text)![1];
    const part = (number: number, body: string) =>
      send(world, 'PUT', `/narrow/k?partNumber=${number}&uploadId=${id}`, { body });
    assert.equal((await part(1, '12345678')).status, 200);
    assert.equal((await part(2, '123')).code, 'InsufficientStorageSpace');
    assert.equal((await part(1, '1234567890')).status, 200);
    assert.equal((await send(world, 'PUT', '/narrow/other', { body: 'x' })).status, 403);
    assert.equal((await send(world, 'PUT', '/narrow/empty', { body: '' })).status, 200);
    assert.equal((await send(world, 'DELETE', `/narrow/k?uploadId=${id}`)).status, 204);
    for (const body of ['1234567890', 'abcdefghij']) {
      assert.equal((await send(world, 'PUT', '/narrow/k', { body })).status, 200);
    }
  });

  it('nothing of a deleted bucket holds for a new one of its name', async () => {
    await world.objects.service.createBucket(ann, 'again');
    const body = cors(corsRule);
    assert.equal((await send(world, 'PUT', '/again?cors', { body })).status, 200);
    assert.equal(
      (await send(world, 'PUT', '/again?quota', { body: '<Quota><StorageQuota>1</StorageQuota></Quota>' })).status,
      200,
    );
    await send(world, 'DELETE', '/again');
    await world.objects.service.createBucket(ann, 'again');
    assert.equal((await send(world, 'GET', '/again?cors')).code, 'NoSuchCORSConfiguration');
    const headers = { origin: 'http://a', 'access-control-request-method': 'GET' };
    assert.equal((await send(world, 'OPTIONS', '/again', { as: null, headers })).status, 403);
    assert.equal((await send(world, 'PUT', '/again/k', { body: 'xyz' })).status, 200);
  });
});
