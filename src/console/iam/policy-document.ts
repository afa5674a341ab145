import { compileAction, parseAction } from '../../policy/action.ts';
import { catalogueActions } from '../../policy/catalogue.ts';
import { lintPolicy, type PolicyLint } from '../../policy/lint.ts';

/** A statement as the visual editor has it. */
export interface Draft {
  effect: 'Allow' | 'Deny';
  actions: string[];
  /** None: all resources. */
  resources: string[];
  conditions: { operator: string; key: string; values: string[] }[];
}

/** Examines a document as the server will: by the same code. */
export function read(text: string): PolicyLint {
  return lintPolicy(text);
}

/** The same of a document of the system, which may say more. */
export function readOfSystem(text: string): PolicyLint {
  return lintPolicy(text, { kind: 'system' });
}

/** The statements of a valid document. */
export function draftsOf({ policy }: PolicyLint): Draft[] | undefined {
  return policy?.statements.map(({ effect, actions, resources = [], conditions }) => ({
    effect,
    actions,
    resources,
    conditions: conditions.map(({ operator, key, values }) => ({ operator, key, values })),
  }));
}

/** The document of statements, as text that people read. Agencies are named by `uri`, as the real console writes them. */
export function write(drafts: readonly Draft[]): string {
  const Statement = drafts.map(({ effect, actions, resources, conditions }) => {
    const Condition: Record<string, Record<string, string[]>> = {};
    for (const { operator, key, values } of conditions) {
      Condition[operator] ??= {};
      const block = Condition[operator];
      block[key] = [...(block[key] ?? []), ...values];
    }
    const uris = resources.length > 0 && resources.every(each => each.startsWith('/'));
    return {
      Effect: effect,
      Action: actions,
      ...(resources.length > 0 ? { Resource: uris ? { uri: resources } : resources } : {}),
      ...(conditions.length > 0 ? { Condition } : {}),
    };
  });
  return JSON.stringify({ Version: '1.1', Statement }, null, 2);
}

/** An empty statement; documents with one are not valid until an action is chosen. */
export const newDraft = (actions: string[] = []): Draft => ({
  effect: 'Allow',
  actions,
  resources: [],
  conditions: [],
});

/** Every action that is known, in order. */
export const allActions: readonly string[] = [...catalogueActions].sort();
const parsed = allActions.flatMap(text => {
  const action = parseAction(text);
  return action ? [{ text, action }] : [];
});

/** Services that have actions. */
export const services: readonly string[] = [...new Set(allActions.map(action => action.split(':')[0]!))];

/** The known actions that a pattern fits. */
export function actionsFitting(pattern: string): string[] {
  const fits = compileAction(pattern);
  return parsed.filter(({ action }) => fits(action)).map(({ text }) => text);
}

/** Whether a policy's document has an Allow or a Deny for an action; `whole`: on all resources and under no conditions. */
export function statementsFor(document: unknown, action: string): { effect: 'Allow' | 'Deny'; whole: boolean }[] {
  const wanted = parseAction(action);
  const { Statement } = (document ?? {}) as { Statement?: unknown };
  if (!wanted || !Array.isArray(Statement)) return [];
  return Statement.flatMap((statement: Record<string, unknown>) => {
    const patterns = [statement.Action ?? []].flat().filter(each => typeof each === 'string');
    if (!patterns.some(pattern => compileAction(pattern)(wanted))) return [];
    const effect = String(statement.Effect).toLowerCase() === 'deny' ? ('Deny' as const) : ('Allow' as const);
    return [{ effect, whole: statement.Resource === undefined && statement.Condition === undefined }];
  });
}

/** Where a policy takes effect, which IAM wants to be told: `AX` global services, `XA` projects of regions. */
export function typeOf(drafts: readonly Draft[]): 'AX' | 'XA' {
  const named = drafts.flatMap(({ actions }) => actions.map(action => action.split(':')[0]));
  return named.every(service => service === 'iam' || service === 'obs' || service === 'eps') ? 'AX' : 'XA';
}
