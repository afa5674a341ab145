import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { signRequest } from './signature.ts';

/** The official SDK's own signer. */
interface OfficialSigner {
  sign(
    request: {
      method: string;
      endpoint: string;
      headers: Record<string, string>;
      queryParams: Record<string, string | string[]>;
      data?: unknown;
    },
    credential: { getAk(): string; getSk(): string },
  ): Record<string, string>;
}
const { AKSKSigner } = createRequire(import.meta.url)('@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner.js') as {
  AKSKSigner: OfficialSigner;
};

const now = new Date('2026-03-04T05:06:07.890Z');
const DATE = '20260304T050607Z';
const key = { access: 'ABCDEFGHIJKLMNOPQRST', secret: 'a secret/with+signs=' };
const credential = { getAk: () => key.access, getSk: () => key.secret };

interface Case {
  method: string;
  path: string;
  query?: Record<string, string | string[]>;
  headers?: Record<string, string>;
  data?: unknown;
  securityToken?: string;
}

const cases: Record<string, Case> = {
  'a plain GET': { method: 'GET', path: '/v2/p1/training-jobs', headers: { 'content-type': 'application/json' } },
  'a path that ends in a slash': {
    method: 'GET',
    path: '/v1/p1/services/',
    headers: { 'content-type': 'application/json' },
  },
  'the root': { method: 'GET', path: '/', headers: { 'content-type': 'application/json' } },
  'a query with order, space and signs': {
    method: 'GET',
    path: '/v1/p1/models',
    query: { offset: '0', limit: '10', sort_by: 'a b', name: "it's (x)*!~-_.", 'k[]': 'a/b?c=d&e', empty: '' },
    headers: { 'content-type': 'application/json' },
  },
  'a query with repeated names': {
    method: 'GET',
    path: '/v1/p1/models',
    query: { tag: ['b', 'a', 'c d'], tags: 'x' },
    headers: { 'content-type': 'application/json' },
  },
  'a query beyond ASCII': {
    method: 'GET',
    path: '/v1/p1/models',
    query: { name: '手写数字 é 🙂' },
    headers: { 'content-type': 'application/json' },
  },
  'a path with marks that need no escape': {
    method: 'DELETE',
    path: '/v2/p1/x-y_z.~1',
    headers: { 'content-type': 'application/json' },
  },
  'a body': {
    method: 'POST',
    path: '/v2/p1/training-jobs',
    headers: { 'content-type': 'application/json', 'x-project-id': 'p1' },
    data: { kind: 'job', metadata: { name: 'é 手 🙂' }, list: [1, null, true] },
  },
  'a temporary key': {
    method: 'PUT',
    path: '/v1/p1/services/s1',
    headers: { 'content-type': 'application/json', 'X-Project-Id': 'p1', 'X-Language': 'en-us' },
    data: { status: 'stopped' },
    securityToken: 'temporary/token+1==',
  },
};

for (const [name, { method, path, query = {}, headers = {}, data, securityToken }] of Object.entries(cases)) {
  test(`the signature is the official client's: ${name}`, () => {
    const official = AKSKSigner.sign(
      {
        method,
        endpoint: `http://127.0.0.1:7080${path}`,
        headers: {
          ...headers,
          'X-Sdk-Date': DATE,
          ...(securityToken ? { 'X-Security-Token': securityToken } : {}),
        },
        queryParams: query,
        ...(data === undefined ? {} : { data }),
      },
      credential,
    );
    const url = new URL(path, 'http://127.0.0.1:7080');
    for (const [field, values] of Object.entries(query)) {
      for (const value of [values].flat()) url.searchParams.append(field, value);
    }
    const body = data === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(data));
    const ours = signRequest(
      { ...key, ...(securityToken ? { securityToken } : {}) },
      { method, url, headers, body },
      now,
    );
    assert.equal(ours['x-sdk-date'], DATE);
    assert.equal(ours.authorization, official.Authorization);
    assert.equal(ours['x-security-token'], securityToken);
  });
}

test("the signature is the official client's: a multipart upload, whose body is not covered", () => {
  const type = 'multipart/form-data; boundary=xyz';
  const official = AKSKSigner.sign(
    {
      method: 'POST',
      endpoint: 'http://127.0.0.1:7083/v1/infers/s1/',
      headers: { 'content-type': type, 'X-Sdk-Date': DATE, 'X-Sdk-Content-Sha256': 'UNSIGNED-PAYLOAD' },
      queryParams: {},
      data: {},
    },
    credential,
  );
  const url = new URL('http://127.0.0.1:7083/v1/infers/s1/');
  const ours = signRequest(key, { method: 'POST', url, headers: { 'Content-Type': type }, body: 'unsigned' }, now);
  assert.equal(ours.authorization, official.Authorization);
  assert.equal(ours['x-sdk-content-sha256'], 'UNSIGNED-PAYLOAD');
  assert.equal(ours['content-type'], type);
});

test('the smallest change of a request changes the signature', () => {
  const sign = (method: string, address: string, body: string, headers: Record<string, string> = {}) =>
    signRequest(key, { method, url: new URL(address), headers, body: Buffer.from(body) }, now).authorization;
  const address = 'http://h:1/v1/p1/models?a=1';
  const signatures = [
    sign('GET', address, ''),
    sign('PUT', address, ''),
    sign('GET', address, '{}'),
    sign('GET', `${address}0`, ''),
    sign('GET', 'http://h:2/v1/p1/models?a=1', ''),
    sign('GET', 'http://h:1/v1/p2/models?a=1', ''),
    sign('GET', address, '', { 'x-project-id': 'p1' }),
  ];
  assert.equal(new Set(signatures).size, signatures.length);
});
