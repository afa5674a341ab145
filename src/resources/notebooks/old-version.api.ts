import { type Operation, operation } from '../../wire/operation.ts';
import { refusal } from '../../wire/refusal.ts';
import { anyObject } from '../../wire/schema.ts';

const instances = '/v1/{project_id}/demanager/instances';
const instance = `${instances}/{old_instance_id}`;

/** The old version of notebooks (behaviour/notebooks.md 6; actions: reference modelarts-actions.json), which is gone. */
const rows: readonly [id: string, method: Operation['method'], path: string, action: string, summary: string][] = [
  ['ListOldNotebooks', 'GET', instances, 'modelarts:notebook:list', 'Gone: list notebook instances'],
  ['CreateOldNotebook', 'POST', instances, 'modelarts:notebook:create', 'Gone: create a notebook instance'],
  ['ShowOldNotebook', 'GET', instance, 'modelarts:notebook:get', 'Gone: show a notebook instance'],
  ['UpdateOldNotebook', 'PUT', instance, 'modelarts:notebook:update', 'Gone: change a notebook instance'],
  ['DeleteOldNotebook', 'DELETE', instance, 'modelarts:notebook:delete', 'Gone: delete a notebook instance'],
  ['ActOnOldNotebook', 'POST', `${instance}/action`, 'modelarts:notebook:action', 'Gone: start or stop an instance'],
  [
    'ShowOldNotebookToken',
    'GET',
    `${instance}/token`,
    'modelarts:notebook:access',
    'Gone: show the token of an instance',
  ],
];

/** CodeLab is the console's way to the one free instance of a user; here that is made like any other. */
export const refusedOfNotebooks = [
  refusal(
    {
      id: 'RunCodeLab',
      family: 'notebooks',
      method: 'POST',
      path: '/v1/{project_id}/notebooks/open',
      summary: 'open CodeLab',
      action: 'modelarts:notebook:create',
      errors: 'modelarts',
    },
    {
      code: 'ModelArts.6336',
      status: 400,
      message: 'CodeLab is not opened by a call of its own.',
      solution: 'Create an instance with feature DEFAULT: POST /v1/{project_id}/notebooks.',
    },
  ),
];

export const oldVersionOperations = rows.map(([id, method, path, action, summary]) =>
  operation({
    id,
    family: 'notebooks',
    summary,
    method,
    path,
    action,
    ...(method === 'GET' ? {} : { body: anyObject, bodyOptional: true }),
    status: 200,
    response: anyObject,
    errors: 'modelarts',
  }),
);
