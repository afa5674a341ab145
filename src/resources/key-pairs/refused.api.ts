import type { Operation } from '../../wire/operation.ts';
import { refusal } from '../../wire/refusal.ts';

const KPS = '/v3/{project_id}/keypairs';

function refused(
  id: string,
  method: Operation['method'],
  path: string,
  summary: string,
  message: string,
  solution: string,
) {
  const verbs: Record<string, string> = { GET: 'list', DELETE: 'delete' };
  const action = `ecs:serverKeyPairs:${verbs[method] ?? 'create'}`;
  return refusal(
    { id, method, path, summary, action, family: 'key-pairs', errors: 'kps' },
    { code: 'KPS.0400', status: 400, message, solution },
  );
}

const NO_SERVERS = 'There are no cloud servers here; key pairs let people into notebook instances.';
const NOTEBOOK = 'Name the key pair in the endpoints of an instance: PUT /v1/{project_id}/notebooks/{id}.';
const NOT_KEPT = 'Private keys are not kept: one that is made here is shown once, when it is made.';
const MAKE = 'Keep the private key where it is used, or make a new pair: POST /v3/{project_id}/keypairs.';

/** Operations on key pairs that need cloud servers or private keys in custody (reference kps.json). */
export const refusedOfKeyPairs = [
  refused('AssociateKeypair', 'POST', `${KPS}/associate`, 'bind a key pair to a server', NO_SERVERS, NOTEBOOK),
  refused('BatchAssociateKeypair', 'POST', `${KPS}/batch-associate`, 'bind key pairs to servers', NO_SERVERS, NOTEBOOK),
  refused(
    'DisassociateKeypair',
    'POST',
    `${KPS}/disassociate`,
    'unbind a key pair from a server',
    NO_SERVERS,
    NOTEBOOK,
  ),
  refused('ExportPrivateKey', 'POST', `${KPS}/private-key/export`, 'export a private key', NOT_KEPT, MAKE),
  refused('BatchExportPrivateKey', 'POST', `${KPS}/private-key/batch-export`, 'export private keys', NOT_KEPT, MAKE),
  refused('ImportPrivateKey', 'POST', `${KPS}/private-key/import`, 'import a private key', NOT_KEPT, MAKE),
  refused('ListFailedTask', 'GET', '/v3/{project_id}/failed-tasks', 'list failed bindings', NO_SERVERS, NOTEBOOK),
  refused(
    'DeleteAllFailedTask',
    'DELETE',
    '/v3/{project_id}/failed-tasks',
    'forget failed bindings',
    NO_SERVERS,
    NOTEBOOK,
  ),
  refused(
    'DeleteFailedTask',
    'DELETE',
    '/v3/{project_id}/failed-tasks/{task_id}',
    'forget a failed binding',
    NO_SERVERS,
    NOTEBOOK,
  ),
  refused('ListRunningTask', 'GET', '/v3/{project_id}/running-tasks', 'list bindings under way', NO_SERVERS, NOTEBOOK),
  refused('ListKeypairTask', 'GET', '/v3/{project_id}/tasks/{task_id}', 'show a binding', NO_SERVERS, NOTEBOOK),
  refused('ClearPrivateKey', 'DELETE', `${KPS}/{keypair_name}/private-key`, 'clear a private key', NOT_KEPT, MAKE),
];
