import { operation } from '../../wire/operation.ts';
import { anyObject, open, Type } from '../../wire/schema.ts';
import { training } from './common.api.ts';

const invalidQuery = { code: 'ModelArts.2764', status: 400 };

export const showTrainingQuotas = operation({
  ...training,
  id: 'ShowTrainingQuotas',
  summary: 'Show the quotas of training',
  method: 'GET',
  path: '/v2/{project_id}/training-quotas',
  action: 'modelarts:trainJob:list',
  query: open({ user_id: Type.Optional(Type.String()), resource: Type.Optional(Type.String()) }),
  status: 200,
  response: open({
    quotas: Type.Array(open({ resource: Type.String(), quota: Type.Integer(), used: Type.Integer() })),
  }),
  invalid: invalidQuery,
});

export const showTrainingJobEngines = operation({
  ...training,
  id: 'ShowTrainingJobEngines',
  summary: 'List the preset engines of training',
  method: 'GET',
  path: '/v2/{project_id}/training-job-engines',
  action: { authenticated: 'a public catalog that names nothing of any tenant' },
  status: 200,
  response: open({ total: Type.Integer(), items: Type.Array(anyObject) }),
});

export const showTrainingJobFlavors = operation({
  ...training,
  id: 'ShowTrainingJobFlavors',
  summary: 'List the flavors of training',
  method: 'GET',
  path: '/v2/{project_id}/training-job-flavors',
  action: { authenticated: 'a public catalog that names nothing of any tenant' },
  query: open({ flavor_type: Type.Optional(Type.Enum(['CPU', 'GPU'])) }),
  status: 200,
  response: open({ total_count: Type.Integer(), flavors: Type.Array(anyObject) }),
  invalid: invalidQuery,
});
