const ACTIVE_MS = 60_000;
let last = Date.now();

for (const kind of ['keydown', 'pointerdown', 'wheel']) {
  addEventListener(kind, () => (last = Date.now()), { capture: true, passive: true });
}

/** What the server is told about a request: whether somebody at the screen has done something lately (sessions end without). */
export function activity(): 'active' | 'idle' {
  return Date.now() - last < ACTIVE_MS ? 'active' : 'idle';
}
