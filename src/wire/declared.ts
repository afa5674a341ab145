import { type Operation, operation, type RequestParts } from './operation.ts';
import { anyObject } from './schema.ts';

/** One row of a table of operations: SDK name, method, path, action, what it does. */
export type DeclaredRow = readonly [
  id: string,
  method: Operation['method'],
  path: string,
  action: string,
  summary: string,
  more?: Pick<Operation, 'target' | 'workspace' | 'conditions' | 'readOnly'>,
];

/**
 * Operations whose decisions hold already while their doing is still to come: they authorize, and are known to policies, evaluator and
 * audit, like any other. Bodies are taken as they are.
 */
export function declaredOperations(family: string, rows: readonly DeclaredRow[]): readonly Operation[] {
  return rows.map(([id, method, path, action, summary, more]) =>
    operation({
      id,
      family,
      summary,
      method,
      path,
      action,
      ...(method === 'GET' ? {} : { body: anyObject, bodyOptional: true }),
      status: 200,
      response: anyObject,
      errors: 'modelarts',
      ...more,
    }),
  ) as unknown as readonly Operation[];
}

/** The workspace that a list names in its query, in either spelling (reference api/README 2.2). */
export function workspaceOfQuery({ query }: RequestParts): string | undefined {
  const named = query.workspace_id ?? query.workspaceId;
  return typeof named === 'string' ? named : undefined;
}
