import { changed, isUnreachable, send } from './call.ts';
import { queries } from './queries.ts';
import { currentSession, type Session } from './session.ts';

const AGAIN_MS = 2_000;

/** What the server tells: of these kinds something changed, up to the change that the id stands for. */
interface Hint {
  id: string;
  kinds: readonly string[];
  /** The stream stands (anew): the server can be reached. */
  stands?: true;
}

/** Who hears, and of what: another user, or another project, is told of other changes. */
export const audienceOf = ({ user, project }: Session) => `${user.id} ${project?.id}`;

/**
 * Keeps what is on the screen up to date until `signal` ends it, from the change on that the session's answer names: all on the screen was read
 * later. One tab of the browser reads the server's hints and passes them on, as browsers open six connections to a host; where there are no
 * locks (plain HTTP to another host), each tab reads for itself.
 */
export function keepLive(audience: string, signal: AbortSignal): void {
  let heard = currentSession()?.change_id ?? '';
  const hear = ({ id, kinds, stands }: Hint) => {
    heard = id;
    void (kinds.includes('*') ? queries.invalidateQueries() : changed(...kinds));
    if (stands) void queries.refetchQueries({ type: 'active', predicate: ({ state }) => isUnreachable(state.error) });
  };
  const name = `atelier-live ${audience}`;
  const tabs = new BroadcastChannel(name);
  tabs.onmessage = ({ data }) => hear(data as Hint);
  signal.addEventListener('abort', () => tabs.close(), { once: true });

  const tell = (hint: Hint) => {
    hear(hint);
    tabs.postMessage(hint);
  };
  const run = async () => {
    while (!signal.aborted) {
      await follow(heard, signal, tell).catch(() => undefined); // asked again, for as long as somebody is signed in
      await new Promise(resolve => setTimeout(resolve, AGAIN_MS));
    }
  };
  if (!navigator.locks) void run();
  else navigator.locks.request(name, { signal }, run).catch(() => undefined); // ended while it waited
}

/** Reads hints of what changed after `since` until the connection ends. */
async function follow(since: string, signal: AbortSignal, tell: (hint: Hint) => void): Promise<void> {
  const headers = { accept: 'text/event-stream', 'last-event-id': since };
  const response = await send('GET', '/console/changes', { signal, headers });
  if (!signal.aborted) tell({ id: since, kinds: [], stands: true });
  let text = '';
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const events = text.split('\n\n');
    text = events.pop()!;
    for (const event of events) {
      const [, id, data] = /^id: (.*)\ndata: (.*)$/.exec(event) ?? [];
      if (id && data && !signal.aborted) tell({ id, ...(JSON.parse(data) as { kinds: string[] }) });
    }
  }
}
