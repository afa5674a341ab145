import { operation } from '../../wire/operation.ts';
import { anyObject, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

const id = Type.Optional(Type.String({ maxLength: 64 }));

/** Of this platform alone; each policy is a body for CreateCustomPolicy. */
export const suggestPolicy = operation({
  id: 'SuggestPolicy',
  family: 'audit',
  summary: 'The least policies that would have allowed what a user or an agency did',
  method: 'GET',
  path: '/v3.0/OS-ROLE/suggestions',
  action: 'iam:roles:suggestPolicy',
  query: open({
    user_id: id,
    agency_id: id,
    days: queryInteger(1, 3650, 30),
    with_conditions: Type.Optional(Type.Boolean()),
  }),
  status: 200,
  response: open({
    suggestion: open({
      user_id: Type.Optional(Type.String()),
      agency_id: Type.Optional(Type.String()),
      name: Type.String(),
      days: Type.Integer(),
      policies: Type.Array(
        open({
          role: open({
            display_name: Type.String(),
            type: oneOf(['AX', 'XA']),
            description: Type.String(),
            policy: anyObject,
          }),
        }),
      ),
      uses: Type.Array(
        open({
          action: Type.String(),
          resource: Type.Optional(Type.String()),
          pool_type: Type.Optional(Type.String()),
          enterprise_project_id: Type.String(),
          count: Type.Integer(),
          last_used_at: Type.String(),
        }),
      ),
    }),
  }),
  errors: 'iam',
});
