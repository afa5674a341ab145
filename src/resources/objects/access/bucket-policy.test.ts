import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFailure } from '../../../kernel/failure.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { iamAuthorizer } from '../../iam/iam.authorizer.ts';
import type { IamStore } from '../../iam/iam.store.ts';
import { person } from '../world.fixture.ts';
import { MAX_POLICY_BYTES, parseBucketPolicy } from './bucket-policy.ts';
import { parsedAction } from './policy-action.ts';

const good = { Effect: 'Allow', Principal: '*', Action: 'GetObject', Resource: 'data/*' };
const parse = (document: unknown) =>
  parseBucketPolicy(typeof document === 'string' ? document : JSON.stringify(document), 'data', 'account-acme');

describe('policies of buckets', () => {
  it('are refused with the place of what is wrong', () => {
    const one = (changes: object) => ({ Statement: [{ ...good, ...changes }] });
    const cases: [document: unknown, place: RegExp][] = [
      ['{"Statement": [}', /\$\.Statement/],
      ['[]', /at \$:/],
      [{}, /\$\.Statement/],
      [{ Statement: [] }, /\$\.Statement/],
      [{ Version: '2020-01-01', Statement: [good] }, /\$\.Version/],
      [{ Statement: [good], Extra: 1 }, /\$\.Extra/],
      [`{"Statement": [{"Effect": "Allow", "Effect": "Deny"}]}`, /\$\.Statement\[0\]\.Effect/],
      [one({ Effect: 'allow' }), /\$\.Statement\[0\]\.Effect/],
      [one({ Principal: undefined }), /\$\.Statement\[0\]\.Principal/],
      [one({ NotPrincipal: '*' }), /\$\.Statement\[0\]\.Principal/],
      [one({ Principal: 'ann' }), /\$\.Statement\[0\]\.Principal/],
      [one({ Principal: { ID: ['domain/a', 'domain/b:group/c'] } }), /\$\.Statement\[0\]\.Principal\.ID\[1\]/],
      [one({ Principal: { AWS: 'arn:aws:iam::*:user/x' } }), /\$\.Statement\[0\]\.Principal\.AWS/],
      [one({ Principal: { Service: 's3' } }), /\$\.Statement\[0\]\.Principal\.Service/],
      [one({ Action: ['GetObject', 'GetObjct'] }), /\$\.Statement\[0\]\.Action\[1\].*nearest is GetObject/],
      [one({ Action: 'iam:users:listUsers' }), /\$\.Statement\[0\]\.Action/],
      [one({ NotAction: '*' }), /\$\.Statement\[0\]\.Action/],
      [one({ Resource: 'other/*' }), /\$\.Statement\[0\]\.Resource/],
      [one({ Resource: ['data', 'data*'] }), /\$\.Statement\[0\]\.Resource\[1\]/],
      [one({ Resource: 'arn:aws:s3:::other' }), /\$\.Statement\[0\]\.Resource/],
      [one({ Resource: '*' }), /\$\.Statement\[0\]\.Resource/],
      [one({ Condition: { Equals: { prefix: 'x' } } }), /\$\.Statement\[0\]\.Condition\.Equals/],
      [one({ Condition: { StringEquals: { 's3:Nothing': 'x' } } }), /Condition\.StringEquals\["s3:Nothing"\]/],
      [one({ Condition: { IpAddress: { SourceIp: 'here' } } }), /Condition\.IpAddress\.SourceIp/],
      [one({ Condition: { StringEquals: { prefix: [] } } }), /Condition\.StringEquals\.prefix/],
      [{ Statement: [{ ...good, Sid: 'x'.repeat(MAX_POLICY_BYTES) }] }, /the limit is 20480/],
    ];
    for (const [document, place] of cases) {
      assert.throws(
        () => parse(document),
        error => isFailure(error, 'MalformedPolicy') && place.test(error.message),
        `${JSON.stringify(document).slice(0, 200)} ${place}`,
      );
    }
  });

  it('speak of actions, places and people by the names of OBS and of S3', () => {
    const answer = (
      statement: object,
      asked: { action: string; key?: string; principal?: Principal; context?: object },
    ) => {
      const { action, key = '', principal = person('ann'), context = {} } = asked;
      const question = {
        principal,
        action: parsedAction(action),
        path: { bucket: 'data', key },
        context: { ...context },
      };
      return parse({ Statement: [{ ...good, Resource: ['data', 'data/*'], ...statement }] }).decide(question).effect;
    };
    const allowed: [statement: object, asked: Parameters<typeof answer>[1]][] = [
      [{ Action: 's3:ListBucket' }, { action: 'obs:bucket:HeadBucket' }],
      [{ Action: 's3:GetBucketPolicyStatus' }, { action: 'obs:bucket:GetBucketPolicyPublicStatus' }],
      [{ Action: 'getobject' }, { action: 'obs:object:GetObject', key: 'a' }],
      [{ Action: 'obs:object:Get*' }, { action: 'obs:object:GetObjectAcl', key: 'a' }],
      [
        { NotAction: 'PutObject', Action: undefined },
        { action: 'obs:object:GetObject', key: 'a' },
      ],
      [{ Resource: 'arn:aws:s3:::data/a?c/*' }, { action: 'obs:object:GetObject', key: 'abc/d:e' }],
      [{ Resource: 'obs:*:*:object:data/a' }, { action: 'obs:object:GetObject', key: 'a' }],
      [
        { NotResource: 'data/b*', Resource: undefined },
        { action: 'obs:object:GetObject', key: 'a' },
      ],
      [
        { Resource: `data/${'$'}{aws:username}/*` },
        { action: 'obs:object:GetObject', key: 'ann/x', context: { 'aws:username': 'ann' } },
      ],
      [{ Principal: { ID: 'domain/account-acme:user/*' } }, { action: 'obs:object:GetObject', key: 'a' }],
      [{ Principal: { ID: 'domain/account-acme:user/id-ann' } }, { action: 'obs:object:GetObject', key: 'a' }],
      [
        { Principal: { AWS: ['arn:aws:iam::account-acme:user/team/ann'] } },
        { action: 'obs:object:GetObject', key: 'a' },
      ],
      [
        { Principal: { AWS: 'arn:aws:sts::account-acme:assumed-role/ag/session' } },
        { action: 'obs:object:GetObject', key: 'a', principal: { ...person('ag'), kind: 'agency' } },
      ],
    ];
    for (const [statement, asked] of allowed)
      assert.equal(answer(statement, asked), 'allow', JSON.stringify(statement));
    const not: typeof allowed = [
      [{ Action: 'ListBucket' }, { action: 'obs:bucket:HeadBucket' }],
      [{ Resource: 'data/*' }, { action: 'obs:bucket:ListBucket' }],
      [
        { Action: '*', Resource: 'data' },
        { action: 'obs:object:GetObject', key: 'a' },
      ],
      [{ Action: '*', Resource: 'data/*' }, { action: 'obs:bucket:DeleteBucket' }],
      // A user's name is no pattern, and an id is never a name.
      [
        { Resource: `data/${'$'}{aws:username}/*` },
        { action: 'obs:object:GetObject', key: 'x/x', context: { 'aws:username': '*' } },
      ],
      [{ Resource: `data/${'$'}{aws:username}/*` }, { action: 'obs:object:GetObject', key: 'x/x' }],
      [
        { Principal: { ID: `domain/account-acme:user/${'a'.repeat(32)}` } },
        { action: 'obs:object:GetObject', key: 'a', principal: { ...person('x'), name: 'a'.repeat(32) } },
      ],
    ];
    for (const [statement, asked] of not) assert.equal(answer(statement, asked), 'none', JSON.stringify(statement));
  });

  it('are public unless they name somebody or some addresses', () => {
    const isPublic = (changes: object) => parse({ Statement: [{ ...good, ...changes }] }).isPublic;
    assert.equal(isPublic({}), true);
    assert.equal(isPublic({ Condition: { StringLike: { Referer: 'https://x/*' } } }), true);
    assert.equal(isPublic({ Condition: { IpAddress: { SourceIp: ['10.0.0.0/8', '0.0.0.0/0'] } } }), true);
    assert.equal(isPublic({ Principal: undefined, NotPrincipal: { ID: 'domain/x' } }), true);
    assert.equal(isPublic({ Condition: { IpAddress: { SourceIp: ['10.0.0.0/8'] } } }), false);
    assert.equal(isPublic({ Principal: { ID: 'domain/x' } }), false);
    assert.equal(isPublic({ Effect: 'Deny' }), false);
  });
});

it('IAM says which of its refusals no policy of a bucket overrules', async () => {
  const document = JSON.stringify({
    Version: '1.1',
    Statement: [
      { Effect: 'Allow', Action: ['obs:object:*'] },
      { Effect: 'Deny', Action: ['obs:object:DeleteObject'] },
    ],
  });
  const store: Partial<IamStore> = {
    grants: (async () => [{ policy_id: 'p', scope: 'domain' }]) as unknown as IamStore['grants'],
    groupsOf: async () => ['g'],
    account: (async () => undefined) as IamStore['account'],
    policy: (async () => ({
      account_id: 'account-acme',
      display_name: 'p',
      document,
    })) as unknown as IamStore['policy'],
  };
  const authorizer = iamAuthorizer(store as IamStore, { federatedUser: async () => undefined });
  const ann = person('ann');
  const ask = async (principal: Principal, name: string) => {
    const request = { action: `obs:object:${name}`, resource: 'obs:*:*:object:data/a' };
    const { allowed, final = false } = await authorizer.decide(principal, request);
    return [allowed, final];
  };
  assert.deepEqual(await ask(ann, 'GetObject'), [true, false]);
  assert.deepEqual(await ask(ann, 'DeleteObject'), [false, true]);
  const boundary = JSON.stringify({
    Version: '1.1',
    Statement: [{ Effect: 'Allow', Action: ['obs:object:PutObject'] }],
  });
  assert.deepEqual(await ask({ ...ann, boundary }, 'GetObject'), [false, true]);
  assert.deepEqual(await ask({ ...ann, kind: 'operator' }, 'GetObject'), [false, true]);
  assert.deepEqual(await ask({ ...ann, kind: 'anonymous', id: '' }, 'GetObject'), [false, false]);
  const bare = { ...store, grants: (async () => []) as unknown as IamStore['grants'] };
  const none = iamAuthorizer(bare as IamStore, { federatedUser: async () => undefined });
  const refusal = await none.decide(ann, { action: 'obs:object:GetObject' });
  assert.deepEqual([refusal.allowed, refusal.final], [false, false]);
});
