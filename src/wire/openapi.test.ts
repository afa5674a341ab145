import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorBody } from './error-body.ts';
import { openApi } from './openapi.ts';
import { operation, pathParameters, requiredAction } from './operation.ts';
import { anyObject, nullable, oneOf, open, queryInteger, Type } from './schema.ts';

const common = { family: 'things', summary: 'a thing', errors: 'modelarts', status: 200 } as const;
const list = operation({
  ...common,
  id: 'ListThings',
  method: 'GET',
  path: '/v2/{project_id}/things',
  action: 'x:thing:list',
  query: open({ limit: queryInteger(1, 50, 10), name: Type.String() }),
  response: open({ total: Type.Integer(), items: Type.Array(anyObject) }),
});
const create = operation({
  ...common,
  id: 'CreateThing',
  method: 'POST',
  path: '/v2/{project_id}/things',
  action: 'x:thing:create',
  status: 201,
  body: open({ name: Type.String(), kind: Type.Optional(oneOf(['a', 'b'])), note: nullable(Type.String()) }),
});
const remove = operation({
  ...common,
  id: 'DeleteThing',
  method: 'DELETE',
  path: '/v2/{project_id}/things/{thing_id}',
  action: { authenticated: 'test' },
  status: 204,
  body: anyObject,
  bodyOptional: true,
});
const health = operation({ ...common, id: 'Health', method: 'GET', path: '/healthz', action: { public: 'liveness' } });
const all = [list, create, remove, health];
const info = { title: 'Atelier', version: '1.0.0' };

// biome-ignore lint/suspicious/noExplicitAny: a document of any shape
const document = (operations = all): any => JSON.parse(JSON.stringify(openApi(operations, info)));

test('the document is the same whatever the order of the operations', () => {
  const text = JSON.stringify(openApi(all, info));
  assert.equal(JSON.stringify(openApi([...all].reverse(), info)), text);
  assert.equal(JSON.stringify(openApi([health, create, list, remove], info)), text);
  assert.deepEqual(Object.keys(document().paths), [
    '/healthz',
    '/v2/{project_id}/things',
    '/v2/{project_id}/things/{thing_id}',
  ]);
});

test('it is OpenAPI 3.1: every operation has an id of its own, answers, and a parameter for each brace of its path', () => {
  const { openapi, info: told, paths } = document();
  assert.match(openapi, /^3\.1\./);
  assert.deepEqual(told, info);
  const ids = new Set<string>();
  for (const [path, methods] of Object.entries<Record<string, Record<string, unknown>>>(paths)) {
    assert.match(path, /^\//);
    for (const [method, op] of Object.entries(methods)) {
      assert.match(method, /^(get|post|put|patch|delete|head)$/);
      ids.add(op.operationId as string);
      const parameters = (op.parameters ?? []) as { name: string; in: string; required: boolean; schema: unknown }[];
      assert.deepEqual(
        parameters.filter(parameter => parameter.in === 'path').map(parameter => parameter.name),
        pathParameters(path),
      );
      for (const parameter of parameters) {
        assert.ok(parameter.schema);
        if (parameter.in === 'path') assert.equal(parameter.required, true);
      }
      const responses = op.responses as Record<string, { description: string }>;
      for (const [status, response] of Object.entries(responses)) {
        assert.match(status, /^([1-5]\d\d|default)$/);
        assert.ok(response.description);
      }
    }
  }
  assert.equal(ids.size, all.length);
});

test('parameters, bodies, answers, actions and public operations are told as declared', () => {
  const { paths, components } = document();
  const things = paths['/v2/{project_id}/things'];
  assert.deepEqual(
    things.get.parameters.map((parameter: { name: string; required: boolean }) => [parameter.name, parameter.required]),
    [
      ['project_id', true],
      ['limit', false],
      ['name', true],
    ],
  );
  assert.deepEqual(things.get.parameters[1].schema, { type: 'integer', minimum: 1, maximum: 50, default: 10 });
  assert.equal(things.get['x-action'], 'x:thing:list');
  assert.equal(things.post.requestBody.required, true);
  assert.deepEqual(things.post.requestBody.content['application/json'].schema.required, ['name', 'note']);
  assert.ok(things.post.responses['201']);
  assert.equal(paths['/v2/{project_id}/things/{thing_id}'].delete.requestBody.required, false);
  assert.deepEqual(paths['/healthz'].get.security, []);
  assert.equal(things.get.security, undefined);
  for (const ref of JSON.stringify(paths).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
    assert.ok(components.schemas[ref[1]!]);
  }
});

test('schemas are plain JSON Schema: nothing of the library that made them', () => {
  assert.doesNotMatch(JSON.stringify(openApi(all, info)), /~kind|~optional|"kind":"/);
});

test('error bodies hold what the official clients read, in each style', () => {
  const error = { status: 404, code: 'X.1', message: 'gone', requestId: 'r1' };
  const plain = { error_code: 'X.1', error_msg: 'gone', request_id: 'r1' };
  assert.deepEqual(errorBody('modelarts', error), plain);
  assert.deepEqual(errorBody('iam', { ...error, solution: 'look' }), { ...plain, error_solution: 'look' });
  assert.deepEqual(errorBody('keystone', error), {
    ...plain,
    error: { code: 404, message: 'gone', title: 'Not Found' },
  });
});

test('the action of an operation is a text, follows from the request, or is none', () => {
  const request = { params: {}, query: {}, body: { status: 'stopped' } };
  assert.equal(requiredAction('x:y:z', request), 'x:y:z');
  assert.equal(
    requiredAction({ actions: [], choose: ({ body }) => `x:${(body as { status: string }).status}` }, request),
    'x:stopped',
  );
  assert.equal(requiredAction({ public: 'test' }, request), undefined);
  assert.equal(requiredAction({ authenticated: 'test' }, request), undefined);
});
