import { defaultStringifySearch } from '@tanstack/react-router';
import { useSessionState } from '../session.ts';
import { useSettings } from '../settings.ts';

/** What was refused, as far as the refusal tells. */
export interface Denial {
  action: string;
  resource?: string;
  /** What the request had of the condition keys that counted. */
  context?: Record<string, string>;
  /** The workspace in which it was; the chosen one when absent. */
  workspace?: string;
}

const CLOSED = /^The workspace ([\w-]+) is closed to the caller/;
const DENIED = /^Policy doesn't allow ([\w:-]+)(?: on (\S+))? to be performed/;
/** As src/policy/explain.ts writes conditions: operator, key, values, and what the request has of the key. */
const CONDITION = /\S+ ([A-Za-z][\w-]*:[\w./:@+=-]+) \[[^\]]*\]; the request has ("(?:[^"\\]|\\.)*")/g;

/** Reads what was refused from the message of a refusal; undefined where it is neither of a policy nor of a workspace. */
export function denialOf(message: string): Denial | undefined {
  const closed = CLOSED.exec(message)?.[1];
  // Whatever would be done there, the workspace lets nobody in for it.
  if (closed !== undefined) return { action: 'modelarts:workspace:get', workspace: closed };
  const [, action, resource] = DENIED.exec(message) ?? [];
  if (action === undefined) return undefined;
  const found = [...message.matchAll(CONDITION)].map(([, key = '', value = '""']) => [key, JSON.parse(value)] as const);
  // Who asks, whence and when belongs to the one request.
  const context = Object.fromEntries(found.filter(([key]) => !/^g:(?!ResourceTag\/)/i.test(key)));
  return {
    action,
    ...(resource === undefined ? {} : { resource }),
    ...(found.length === 0 ? {} : { context }),
  };
}

/** Makes the address of the page that explains a refusal. It names who was refused, so that an administrator sees the same by it. */
export function useWhy(): (denial: Denial) => string {
  const session = useSessionState();
  const { workspace } = useSettings();
  return denial => {
    const who = session?.switched_by ? { agency: session.user.id } : { user: session?.user.id };
    return `/iam/why${defaultStringifySearch({ workspace, ...denial, ...who })}`;
  };
}
