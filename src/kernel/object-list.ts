import { Failure } from './failure.ts';

/** Objects as Kubernetes shapes them are listed so: by labels, and page after page (reference api/README 2.2). */
export interface Listed {
  name: string;
  labels: Record<string, string>;
}

interface Requirement {
  key: string;
  /** Absent: the label must be there, whatever it says. */
  values?: readonly string[];
  not: boolean;
}

/** Code of a request that cannot be understood, in the families of pools and networks (behaviour/resources.md 12). */
export const BAD_REQUEST = 'ModelArts.50004000';

/** The refusal of a parameter, in those families' words. */
export function badRequest(message: string, solution?: string): Failure {
  return new Failure({
    code: BAD_REQUEST,
    status: 400,
    message: `Bad request: ${message}`,
    ...(solution ? { solution } : {}),
  });
}

/**
 * What a label selector demands: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by commas.
 * Throws Failure 400 where it cannot be read.
 */
export function labelSelector(text: string | undefined): (labels: Record<string, string>) => boolean {
  const requirements = (text ?? '')
    .split(/,(?![^(]*\))/)
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(requirement);
  return labels =>
    requirements.every(({ key, values, not }) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      const met = values === undefined ? value !== undefined : value !== undefined && values.includes(value);
      return met !== not;
    });
}

function requirement(text: string): Requirement {
  const equal = /^([\w./-]{1,317})\s*(==?|!=)\s*([\w.-]{0,63})$/.exec(text);
  if (equal) return { key: equal[1]!, values: [equal[3]!], not: equal[2] === '!=' };
  const among = /^([\w./-]{1,317})\s+(in|notin)\s+\(([\w.,\s-]*)\)$/.exec(text);
  if (among) {
    return { key: among[1]!, values: among[3]!.split(',').map(value => value.trim()), not: among[2] === 'notin' };
  }
  const there = /^(!?)\s*([\w./-]{1,317})$/.exec(text);
  if (there) return { key: there[2]!, not: there[1] === '!' };
  throw badRequest(
    `[labelSelector] "${text.slice(0, 80)}" cannot be read; it is like os.modelarts/name=pool-a or key in (a,b).`,
  );
}

/** One page of a list that is sorted by name. Throws Failure 400 for a token that this list did not give. */
export function pageOf<T extends Listed>(
  all: readonly T[],
  query: { limit?: number | undefined; continue?: string | undefined },
): { items: T[]; metadata: { continue?: string; remainingItemCount?: number } } {
  const after = query.continue ? Buffer.from(query.continue, 'base64url').toString() : '';
  if (query.continue && Buffer.from(after).toString('base64url') !== query.continue) {
    throw badRequest('[continue] is no token of this list; start again without it.');
  }
  const sorted = [...all].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const rest = sorted.filter(({ name }) => name > after);
  const items = rest.slice(0, query.limit ?? rest.length);
  const remaining = rest.length - items.length;
  if (remaining === 0) return { items, metadata: {} };
  const token = Buffer.from(items.at(-1)!.name).toString('base64url');
  return { items, metadata: { continue: token, remainingItemCount: remaining } };
}
