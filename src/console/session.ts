import { useSyncExternalStore } from 'react';
import type { showConsoleSession } from '../resources/console/console.api.ts';
import type { ResponseOf } from '../wire/operation.ts';

export type Session = ResponseOf<typeof showConsoleSession>;
/** `undefined`: not known yet; `null`: nobody is signed in. */
type State = Session | null | undefined;

let state: State;
let check: () => void = () => {};
const listeners = new Set<() => void>();

/** Sets who is signed in. */
export function setSession(next: Session | null): void {
  state = next;
  for (const listener of listeners) listener();
}

/** What looks whether the session is still there; called when a request was refused for want of one. */
export function onSessionEnded(look: () => void): void {
  check = look;
}
export function sessionEnded(): void {
  check();
}

export function useSessionState(): State {
  return useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

/** Who is signed in; for what is shown only then. */
export function useSession(): Session {
  const session = useSessionState();
  if (!session) throw new Error('nobody is signed in');
  return session;
}

/** Who is signed in at this moment. */
export function currentSession(): Session | null | undefined {
  return state;
}

/** Id of the session's project; empty where there is none. */
export function currentProject(): string {
  return state?.project?.id ?? '';
}
