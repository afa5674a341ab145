import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { send } from '../requests.fixture.ts';
import { DOMAIN, type ObjectWorld, objectWorld, person, REGION } from '../world.fixture.ts';

const require = createRequire(import.meta.url);
const MiB = 1024 * 1024;

describe('uploads from browsers', () => {
  let world: ObjectWorld;
  // biome-ignore lint/suspicious/noExplicitAny: the package has no types
  const clients: Record<string, any> = {};
  const Bucket = 'form-bucket';
  const ann = person('ann');

  before(async () => {
    world = await objectWorld();
    await world.objects.service.createBucket(ann, Bucket);
    const ObsClient = require('esdk-obs-nodejs');
    const { access, secret } = world.key('ann');
    for (const signature of ['obs', 'v2', 'v4']) {
      clients[signature] = new ObsClient({
        access_key_id: access,
        secret_access_key: secret,
        server: `http://${DOMAIN}`, // it only signs; for an address it would not speak OBS' dialect
        signature,
        is_signature_negotiation: false,
        region: REGION,
      });
    }
    await tick();
  });
  after(async () => {
    for (const client of Object.values(clients)) client.close();
    await world.close();
  });

  const content = async (key: string) => {
    const { stream, info } = await world.objects.service.read(ann, { bucket: Bucket, key });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return { info, bytes: Buffer.concat(chunks) };
  };

  /** As a browser sends a form. */
  async function post(fields: Record<string, string>, file: Buffer | string | undefined, name = 'photo.png') {
    const form = new FormData();
    for (const [field, value] of Object.entries(fields)) form.append(field, value);
    if (file !== undefined) form.append('file', new Blob([file as string], { type: 'image/png' }), name);
    const response = await fetch(`${world.url}/${Bucket}`, { method: 'POST', body: form, redirect: 'manual' });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, code: /<Code>(.*?)<\/Code>/.exec(text)?.[1] };
  }

  /** Fields of an OBS form whose policy has these conditions. */
  function signed(
    fields: Record<string, string>,
    conditions: unknown[],
    options: { expires?: number; access?: string; secret?: string } = {},
  ): Record<string, string> {
    const { expires = Date.now() + 60_000, access = 'AK-ann', secret = 'SK-ann' } = options;
    const document = JSON.stringify({ expiration: new Date(expires).toISOString(), conditions });
    const policy = Buffer.from(document).toString('base64');
    const signature = createHmac('sha1', secret).update(policy).digest('base64');
    return { ...fields, AccessKeyId: access, policy, signature };
  }

  /** Fields of a form as @aws-sdk/s3-presigned-post makes them. */
  function signedV4(fields: Record<string, string>, conditions: unknown[], token?: string, access = 'AK-ann') {
    const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
    const day = date.slice(0, 8);
    const all: Record<string, string> = {
      ...fields,
      bucket: Bucket,
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': `${access}/${day}/${REGION}/s3/aws4_request`,
      'X-Amz-Date': date,
      ...(token ? { 'X-Amz-Security-Token': token } : {}),
    };
    const document = {
      expiration: new Date(Date.now() + 60_000).toISOString(),
      conditions: [...conditions, ...Object.entries(all).map(([name, value]) => ({ [name]: value }))],
    };
    const Policy = Buffer.from(JSON.stringify(document)).toString('base64');
    const step = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
    const key = step(step(step(step('AWS4SK-ann', day), REGION), 's3'), 'aws4_request');
    return { ...all, Policy, 'X-Amz-Signature': step(key, Policy).toString('hex') };
  }

  it('forms signed by esdk-obs-nodejs', async () => {
    for (const signature of ['obs', 'v2']) {
      const prefix = signature === 'obs' ? 'x-obs-' : 'x-amz-';
      const FormParams = { 'content-type': 'text/plain', [`${prefix}meta-colour`]: 'rot & blau' };
      const made = clients[signature].createPostSignatureSync({
        Bucket,
        Key: `by-${signature}`,
        Expires: 60,
        FormParams,
      });
      const access = signature === 'obs' ? 'AccessKeyId' : 'AWSAccessKeyId';
      const fields = { key: `by-${signature}`, ...FormParams, policy: made.Policy, signature: made.Signature };
      const answer = await post({ ...fields, [access]: 'AK-ann' }, 'from a form');
      assert.deepEqual([answer.status, answer.text], [204, '']);
      assert.equal(answer.headers.get('etag'), `"${createHash('md5').update('from a form').digest('hex')}"`);
      const { info, bytes } = await content(`by-${signature}`);
      assert.equal(String(bytes), 'from a form');
      assert.deepEqual([info.contentType, info.metadata.colour], ['text/plain', 'rot & blau']);
    }
    const token = clients.obs.createPostSignatureSync({ Bucket, Key: 'by-token', Expires: 60 });
    assert.equal((await post({ key: 'by-token', token: token.Token }, 'x')).status, 204);

    const made = clients.v4.createV4PostSignatureSync({ Bucket, Key: 'by-v4', Expires: 60 });
    const fields = {
      key: 'by-v4',
      policy: made.Policy,
      'x-amz-algorithm': made.Algorithm,
      'x-amz-credential': made.Credential,
      'x-amz-date': made.Date,
      'x-amz-signature': made.Signature,
    };
    assert.equal((await post(fields, 'x')).status, 204);
    assert.equal((await post({ ...fields, key: 'another' }, 'x')).code, 'AccessDenied');
  });

  it("forms as AWS' SDK signs them, with security tokens", async () => {
    const conditions = [
      ['starts-with', '$key', 'user/'],
      ['content-length-range', 1, 100],
    ];
    const fields = { key: 'user/$'.concat('{filename}'), success_action_status: '201', 'Content-Type': 'image/png' };
    const answer = await post(signedV4({ ...fields }, conditions), 'pixels', 'C:\\tmp\\ein "Bild".png');
    assert.equal(answer.status, 201, answer.text);
    assert.match(answer.text, /<Key>user\/ein &quot;Bild&quot;.png<\/Key>/);
    assert.match(answer.text, /<Location>http:.*user\/ein%20%22Bild%22.png<\/Location>/);
    assert.equal(String((await content('user/ein "Bild".png')).bytes), 'pixels');

    world.keys.set('AK-temp', {
      principal: ann,
      secret: 'SK-ann',
      securityToken: 'tok',
      expiresAt: Date.now() + 60_000,
    });
    assert.equal((await post(signedV4({ key: 'user/t' }, conditions, 'tok', 'AK-temp'), 'x')).status, 204);
    assert.equal((await post(signedV4({ key: 'user/t' }, conditions, undefined, 'AK-temp'), 'x')).code, 'InvalidToken');
    assert.equal((await post(signedV4({ key: 'user/t' }, conditions, 'other', 'AK-temp'), 'x')).code, 'InvalidToken');
  });

  it('answers as the form asks for', async () => {
    const any = [['starts-with', '$key', ''], { bucket: Bucket }];
    const url = 'https://example.org/done?x=1';
    const redirect = [...any, ['eq', '$success_action_redirect', url]];
    const answer = await post(signed({ key: 'a b', success_action_redirect: url }, redirect), 'x');
    assert.equal(answer.status, 303);
    const location = new URL(answer.headers.get('location')!);
    assert.equal(location.searchParams.get('x'), '1');
    assert.equal(location.searchParams.get('key'), 'a b');
    const status = [...any, ['starts-with', '$success_action_status', '']];
    assert.equal((await post(signed({ key: 'k', success_action_status: '200' }, status), 'x')).status, 200);
    assert.equal((await post(signed({ key: 'k', success_action_status: '700' }, status), 'x')).status, 204);
    const encrypted = [...any, { 'x-obs-server-side-encryption': 'kms' }];
    const sealed = await post(signed({ key: 'k', 'x-obs-server-side-encryption': 'kms' }, encrypted), 'x');
    assert.equal(sealed.headers.get('x-obs-server-side-encryption'), 'kms');
  });

  it('policies are kept to', async () => {
    const any = [['starts-with', '$key', '']];
    const denied = async (work: ReturnType<typeof post>, code = 'AccessDenied') => {
      const answer = await work;
      assert.equal(answer.code, code, answer.text);
    };
    await denied(post(signed({ key: 'k' }, any, { expires: Date.now() - 1000 }), 'x'));
    await denied(post(signed({ key: 'k' }, any, { secret: 'wrong' }), 'x'), 'SignatureDoesNotMatch');
    await denied(post(signed({ key: 'k' }, any, { access: 'AK-none' }), 'x'), 'InvalidAccessKeyId');
    await denied(post(signed({ key: 'k' }, any, { access: 'AK-eve', secret: 'SK-eve' }), 'x'));
    await denied(post({ key: 'k' }, 'x'));
    await denied(post({ ...signed({ key: 'k' }, any), 'x-obs-acl': 'public-read' }, 'x'));
    await denied(post(signed({ key: 'k' }, [['eq', '$key', 'other']]), 'x'));
    await denied(post(signed({ key: 'k' }, [['starts-with', '$key', 'user/']]), 'x'));
    await denied(post(signed({ key: 'k' }, [...any, { bucket: 'another' }]), 'x'));
    await denied(post(signed({ key: 'k' }, [...any, { acl: 'private' }]), 'x'));
    await denied(post(signed({ key: 'k' }, [...any, ['content-length-range', 2, 4]]), 'x'), 'EntityTooSmall');
    await denied(post(signed({ key: 'k' }, [...any, ['content-length-range', 2, 4]]), 'xxxxx'), 'EntityTooLarge');
    await denied(post(signed({ key: 'k' }, [['matches', '$key', '.*']]), 'x'), 'InvalidPolicyDocument');
    await denied(post(signed({}, any), 'x'), 'InvalidArgument');
    await denied(post(signed({ key: 'k' }, any), undefined), 'IncorrectNumberOfFilesInPostRequest');
    await denied(
      post(signed({ key: 'k', 'x-obs-callback': 'e30=' }, [...any, ['starts-with', '$x-obs-callback', '']]), 'x'),
      'NotImplemented',
    );
    assert.equal(await world.objects.service.head(ann, { bucket: Bucket, key: 'k' }).then(info => info?.size), 1);
  });

  it('hostile forms', async () => {
    const any = [['starts-with', '$key', '']];
    const raw = async (body: string | Buffer, type = 'multipart/form-data; boundary=b') => {
      const response = await fetch(`${world.url}/${Bucket}`, {
        method: 'POST',
        body: body as string,
        headers: { 'content-type': type },
      });
      return /<Code>(.*?)<\/Code>/.exec(await response.text())?.[1];
    };
    const part = (name: string, value: string) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const fields = Object.entries(signed({ key: 'h' }, any))
      .map(([name, value]) => part(name, value))
      .join('');
    const file = '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nbytes\r\n';
    const long = 'v'.repeat(70_000);
    assert.equal(await raw(`${fields}${file}--b--\r\n`), undefined);
    assert.equal(await raw(`${fields}${file}--b--`), undefined);
    assert.equal(await raw(`${fields}${part('x-ignore-a', long)}${file}--b--`), 'MaxPostPreDataLengthExceededError');
    assert.equal(await raw(`--b\r\nX: ${long}`), 'MaxPostPreDataLengthExceededError');
    const many = Array.from({ length: 300 }, (_, index) => part(`x-ignore-${index}`, '')).join('');
    assert.equal(await raw(`${fields}${many}${file}--b--`), 'MalformedPOSTRequest');
    assert.equal(await raw(`${fields}${part('key', 'again')}${file}--b--`), 'InvalidArgument');
    assert.equal(await raw(`${fields}${part('KEY', 'again')}${file}--b--`), 'InvalidArgument');
    assert.equal(await raw(`${fields}${file}--b--`, 'multipart/form-data'), 'MalformedPOSTRequest');
    assert.equal(await raw(`${fields}${file}--b--`, 'multipart/form-data; boundary=other'), 'IncompleteBody');
    assert.equal(await raw(`preamble${fields}${file}--b--`), 'MalformedPOSTRequest');
    assert.equal(await raw(`${fields}${file}${part('x-ignore-a', '')}--b--`), 'MalformedPOSTRequest');
    assert.equal(await raw(`${fields}${file}${file}--b--`), 'MalformedPOSTRequest');
    assert.equal(await raw(`${fields}${file}`), 'IncompleteBody');
    assert.equal(await raw(`${fields}--b\r\nno colon\r\n\r\n`), 'MalformedPOSTRequest');
    assert.equal(await raw(`${fields}${file.replace('"file"', '"data"')}--b--`), 'IncorrectNumberOfFilesInPostRequest');
    assert.equal(await raw(''), 'IncompleteBody');
  });

  it('large files, cut into pieces anywhere', async () => {
    const any = [['starts-with', '$key', '']];
    const file = Buffer.concat([randomBytes(3 * MiB), Buffer.from('\r\n--b\r--b\r\n--\r\n'), randomBytes(MiB)]);
    const parts = Object.entries(signed({ key: 'large' }, any)).map(
      ([name, value]) => `--bb\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    );
    const head = `${parts.join('')}--bb\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n`;
    const whole = Buffer.concat([Buffer.from(head), file, Buffer.from('\r\n--bb--\r\n')]);
    async function* pieces() {
      const near = head.length + 3 * MiB;
      const cuts = [1, 7, head.length - 1, head.length + 1, near, near + 1, near + 3, near + 6, near + 9];
      const ends = [...cuts, ...Array.from({ length: 12 }, (_, index) => whole.length - 12 + index), whole.length];
      let from = 0;
      for (const end of ends) {
        yield whole.subarray(from, end);
        await tick();
        from = end;
      }
    }
    const init = {
      method: 'POST',
      body: pieces(),
      duplex: 'half',
      headers: { 'content-type': 'multipart/form-data; boundary="bb"' },
    };
    const response = await fetch(`${world.url}/${Bucket}`, init as unknown as RequestInit);
    assert.equal(response.status, 204, await response.text());
    assert.ok((await content('large')).bytes.equals(file));
  });

  it('without a credential it does what is open to everybody, and nothing else', async () => {
    assert.deepEqual(await post({ key: 'open.png' }, 'x').then(({ status, code }) => [status, code]), [
      403,
      'AccessDenied',
    ]);
    const acl = (value: string) => send(world, 'PUT', `/${Bucket}?acl`, { headers: { 'x-obs-acl': value } });
    assert.equal((await acl('public-read-write')).status, 200);
    assert.equal((await post({ key: 'open.png' }, 'from somebody')).status, 204);
    assert.equal(String((await content('open.png')).bytes), 'from somebody');
    // Half a credential is a mistake, and not nobody.
    assert.equal((await post({ key: 'half.png', signature: 'x' }, 'x')).code, 'AccessDenied');
    await acl('private');
    assert.equal((await post({ key: 'closed.png' }, 'x')).status, 403);
  });
});
