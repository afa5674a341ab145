import { compileAction, type ParsedAction, parseAction } from './action.ts';
import { nearest } from './nearest.ts';

/** Actions that exist, in groups by service. */
export type KnownActions = ReadonlyMap<string, readonly { text: string; action: ParsedAction }[]>;

/** Prepares a list of actions for ParseOptions.knownActions. Entries that are no actions are passed over. */
export function knownActions(actions: Iterable<string>): KnownActions {
  const known = new Map<string, { text: string; action: ParsedAction }[]>();
  for (const text of actions) {
    const action = parseAction(text);
    if (!action) continue;
    const group = known.get(action.service);
    if (group) group.push({ text, action });
    else known.set(action.service, [{ text, action }]);
  }
  return known;
}

/** What to say about an action pattern that fits nothing known; undefined when it fits something. */
export function actionWarning(pattern: string, known: KnownActions): string | undefined {
  const service = pattern.split(':')[0] ?? '';
  const groups = service.includes('*') ? [...known.values()] : [known.get(service) ?? []];
  const candidates = groups.flat();
  if (candidates.length === 0 && !service.includes('*')) {
    const close = nearest(service, known.keys());
    return `no service ${service} is known here${close === undefined ? '' : `; the nearest is ${close}`}`;
  }
  const fits = compileAction(pattern);
  if (candidates.some(({ action }) => fits(action))) return undefined;
  const close = nearest(
    pattern,
    candidates.map(({ text }) => text),
  );
  return `no known action fits ${pattern}${close === undefined ? '' : `; the nearest is ${close}`}`;
}
