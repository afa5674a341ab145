import { operation } from '../../wire/operation.ts';
import { open, Type } from '../../wire/schema.ts';

const scalar = Type.Union([Type.String({ maxLength: 1024 }), Type.Boolean(), Type.Number()]);
const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }));

/** An operation of this platform's own: the real service answers this question in its console alone. */
export const explainAccess = operation({
  family: 'iam',
  errors: 'iam',
  id: 'ExplainAccess',
  summary: 'Ask whether a user or an agency may do something, and why',
  method: 'POST',
  path: '/v3.0/OS-PERMISSION/explain',
  action: 'iam:permissions:explain',
  readOnly: true,
  body: open({
    user_id: text(64),
    agency_id: text(64),
    action: Type.String({ maxLength: 256 }),
    resource: text(1024),
    project_id: text(64),
    enterprise_project_id: text(64),
    attributes: Type.Optional(
      Type.Record(Type.String({ maxLength: 128 }), Type.Union([scalar, Type.Array(scalar, { maxItems: 100 })]), {
        maxProperties: 100,
      }),
    ),
  }),
  status: 200,
  response: open({
    verdict: Type.String(),
    reason: Type.String(),
    policy_name: Type.Optional(Type.String()),
    statement: Type.Optional(Type.Integer()),
    conditions: Type.Optional(
      Type.Array(open({ key: Type.String(), operator: Type.String(), value: Type.Array(Type.String()) })),
    ),
  }),
});
