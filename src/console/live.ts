import { changed, send } from './call.ts';
import { queries } from './queries.ts';

const AGAIN_MS = 2_000;
/** Between two looks at whether the page still reads. */
const STILL_MS = 100;
const LOCK = 'atelier-live';

/**
 * Keeps what is on the screen up to date until `signal` ends it. One tab of the browser reads the server's hints and passes them on, as
 * browsers open six connections to a host; where there are no locks (plain HTTP to another host), each tab reads for itself.
 */
export function keepLive(signal: AbortSignal): void {
  const tabs = new BroadcastChannel(LOCK);
  tabs.onmessage = ({ data }) => hear(data as readonly string[] | 'all');
  signal.addEventListener('abort', () => tabs.close(), { once: true });
  const tell = (kinds: readonly string[] | 'all') => {
    hear(kinds);
    if (!signal.aborted) tabs.postMessage(kinds);
  };
  const run = () => follow(tell, signal);
  if (!navigator.locks) void run();
  else navigator.locks.request(LOCK, { signal }, run).catch(() => undefined); // ended while it waited
}

function hear(kinds: readonly string[] | 'all'): void {
  void (kinds === 'all' ? queries.invalidateQueries() : changed(...kinds));
}

/** What the page read while the hints were still being asked for may have changed unheard: it is read once more, when the page stands. */
async function readAgain(signal: AbortSignal): Promise<void> {
  while (queries.isFetching() > 0 && !signal.aborted) await new Promise(resolve => setTimeout(resolve, STILL_MS));
  if (!signal.aborted) hear('all');
}

async function follow(tell: (kinds: readonly string[] | 'all') => void, signal: AbortSignal): Promise<void> {
  for (let first = true; !signal.aborted; first = false) {
    try {
      const response = await send('GET', '/console/changes', { signal, accept: 'text/event-stream' });
      // Whatever happened while nobody listened.
      if (first) void readAgain(signal);
      else tell('all');
      let text = '';
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        text += value;
        const events = text.split('\n\n');
        text = events.pop()!;
        for (const event of events) {
          if (event.startsWith('data: ')) tell((JSON.parse(event.slice(6)) as { kinds: string[] }).kinds);
        }
      }
    } catch {
      // Asked again below, for as long as somebody is signed in.
    }
    await new Promise(resolve => setTimeout(resolve, AGAIN_MS));
  }
}
