/** Does `work` every `ms` until the signal comes; an error of it ends the repetition and is thrown. */
export async function every(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (;;) {
    await pause(ms, signal);
    if (signal.aborted) return;
    await work();
  }
}

/** Resolves after `ms`, or when the signal comes. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
