import { compileGlob, matchesEverything, matchGlob } from './glob.ts';

/** An action of a request, split; resource type and name are in lower case. */
export interface ParsedAction {
  service: string;
  resourceType: string;
  name: string;
}

/** Longest action, and pattern of actions. */
export const MAX_ACTION = 256;

const ACTION = /^([a-z0-9-]+):([A-Za-z0-9_.-]+):([A-Za-z0-9_.-]+)$/;

/** Splits the action of a request; undefined when it is none (wildcards belong into policies only). */
export function parseAction(action: string): ParsedAction | undefined {
  if (action.length > MAX_ACTION) return undefined;
  const [, service, type, name] = ACTION.exec(action) ?? [];
  if (service === undefined || type === undefined || name === undefined) return undefined;
  return { service, resourceType: type.toLowerCase(), name: name.toLowerCase() };
}

function segmentTest(pattern: string): (text: string) => boolean {
  if (!pattern.includes('*')) return text => text === pattern;
  const glob = compileGlob(pattern);
  return matchesEverything(glob) ? () => true : text => matchGlob(glob, text);
}

/**
 * Compiles an action pattern. A wildcard never reaches over a `:`. The service compares with case, resource type and
 * action without (behaviour/permissions.md 2).
 */
export function compileAction(pattern: string): (action: ParsedAction) => boolean {
  const [service = '', type = '', name = ''] = pattern.split(':');
  const ofService = segmentTest(service);
  const ofType = segmentTest(type.toLowerCase());
  const ofName = segmentTest(name.toLowerCase());
  return action => ofService(action.service) && ofType(action.resourceType) && ofName(action.name);
}
