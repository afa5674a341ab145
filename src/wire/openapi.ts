import type { TSchema } from 'typebox';
import { type Operation, pathParameters, requiredAction } from './operation.ts';

/** The OpenAPI 3.1 document of all operations. `operations` in any order; the output is sorted and stable. */
export function openApi(
  operations: readonly Operation[],
  info: { title: string; version: string },
): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  const sorted = [...operations].sort((a, b) => (`${a.path} ${a.method}` < `${b.path} ${b.method}` ? -1 : 1));
  for (const op of sorted) {
    const entry = paths[op.path] ?? {};
    entry[op.method.toLowerCase()] = describe(op);
    paths[op.path] = entry;
  }
  return {
    openapi: '3.1.0',
    info,
    components: {
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' },
        operator: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Operator-Key',
          description: 'The key of whoever runs the installation, from its data directory',
        },
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: 'SDK-HMAC-SHA256 signature of the request with an access key',
        },
      },
      schemas: {
        Error: {
          type: 'object',
          required: ['error_code', 'error_msg'],
          properties: {
            error_code: { type: 'string' },
            error_msg: { type: 'string' },
            error_solution: { type: 'string' },
            request_id: { type: 'string' },
          },
        },
      },
    },
    security: [{ token: [] }, { signature: [] }],
    paths,
  };
}

const NO_REQUEST = { params: {}, query: {}, body: undefined };

function describe(op: Operation): Record<string, unknown> {
  const isPublic = typeof op.action === 'object' && 'public' in op.action;
  const isOperator = typeof op.action === 'object' && 'operator' in op.action;
  // Where the request decides, no single action is true.
  const action =
    typeof op.action === 'object' && 'choose' in op.action ? undefined : requiredAction(op.action, NO_REQUEST);
  const parameters: unknown[] = pathParameters(op.path).map(name => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  for (const [name, schema] of Object.entries(properties(op.query))) {
    parameters.push({ name, in: 'query', required: required(op.query).includes(name), schema });
  }
  return {
    operationId: op.id,
    tags: [op.family],
    summary: op.summary,
    ...(action === undefined ? {} : { 'x-action': action }),
    ...(typeof op.action === 'object' && 'or' in op.action ? { 'x-action-or': op.action.or } : {}),
    ...(typeof op.action === 'object' && 'choose' in op.action ? { 'x-actions': op.action.actions } : {}),
    ...(isOperator ? { 'x-operator': true, security: [{ operator: [] }] } : {}),
    ...(isPublic ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(op.body
      ? { requestBody: { required: !op.bodyOptional, content: { 'application/json': { schema: op.body } } } }
      : {}),
    responses: {
      [op.status]: {
        description: 'Success',
        ...(op.response ? { content: { 'application/json': { schema: op.response } } } : {}),
      },
      default: {
        description: 'Failure',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

function properties(schema: TSchema | undefined): Record<string, unknown> {
  return ((schema as { properties?: Record<string, unknown> } | undefined)?.properties ?? {}) as Record<
    string,
    unknown
  >;
}

function required(schema: TSchema | undefined): string[] {
  return (schema as { required?: string[] } | undefined)?.required ?? [];
}
