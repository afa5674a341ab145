import { isFailure } from '../kernel/failure.ts';
import {
  beginFederatedSignIn,
  changeConsoleSession,
  createConsoleSession,
  endConsoleSession,
  finishFederatedSignIn,
  showConsoleSession,
} from '../resources/console/console.api.ts';
import type { BodyOf } from '../wire/operation.ts';
import { call } from './call.ts';
import { queries } from './queries.ts';
import { onSessionEnded, setSession } from './session.ts';

/** Tells the other tabs of the browser that the session is another one. */
const others = new BroadcastChannel('atelier-session');
others.onmessage = () => void loadSession();
onSessionEnded(() => void loadSession());

/** Finds out who is signed in. */
export async function loadSession(): Promise<void> {
  try {
    setSession(await call(showConsoleSession));
  } catch (error) {
    if (!isFailure(error) || error.status >= 500) throw error;
    setSession(null);
  }
}

export async function signIn(body: BodyOf<typeof createConsoleSession>): Promise<void> {
  queries.clear();
  setSession(await call(createConsoleSession, { body }));
  others.postMessage('in');
}

/** Leaves for the page of an identity provider, which leads back. */
export async function leaveForProvider(provider_id: string): Promise<void> {
  const { url } = await call(beginFederatedSignIn, { body: { provider_id } });
  location.assign(url);
}

/** Signs in by what the identity provider answered, where the browser comes back from one. Resolves with whether it does. */
export async function returnFromProvider(): Promise<boolean> {
  const address = new URL(location.href);
  if (!address.searchParams.has('federated')) return false;
  // Once: a reload asks for nothing.
  address.searchParams.delete('federated');
  history.replaceState(null, '', address);
  queries.clear();
  setSession(await call(finishFederatedSignIn));
  others.postMessage('in');
  return true;
}

/** Goes to another project, takes on a role, or leaves it (null). */
export async function changeSession(body: BodyOf<typeof changeConsoleSession>): Promise<void> {
  const session = await call(changeConsoleSession, { body });
  queries.clear();
  setSession(session);
  others.postMessage('changed');
}

export async function signOut(): Promise<void> {
  try {
    await call(endConsoleSession);
  } catch (error) {
    if (!isFailure(error) || error.status >= 500) throw error; // it had ended already
  }
  queries.clear();
  setSession(null);
  others.postMessage('out');
}
