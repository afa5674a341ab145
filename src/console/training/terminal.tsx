import { FitAddon } from '@xterm/addon-fit';
import { Terminal as Screen } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { Button } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { showConsoleSession } from '../../resources/console/console.api.ts';
import { createTrainingJobShell } from '../../resources/training-jobs/shell.api.ts';
import { activity } from '../activity.ts';
import { call } from '../call.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { useTexts } from '../texts/index.ts';

/** Keys go over no request, so the session is told of them. */
const TOUCH_MS = 5 * 60_000;
/** The same in both themes, as programs choose their colours for a dark ground. */
const THEME = { background: '#101216', foreground: '#e8e8e8', cursor: '#7cb0ff', selectionBackground: '#3a5a8c' };

/** How it is: being opened, open, at its end with a reason, or not to be opened. */
type Stage = 'opening' | 'open' | { reason: string } | { failure: unknown };

/** A terminal in the container of a task. It ends when it is taken off the screen. */
export default function Terminal({ jobId, task, label }: { jobId: string; task: string; label: string }) {
  const t = useTexts();
  const box = useRef<HTMLDivElement>(null);
  const [stage, setStage] = useState<Stage>('opening');
  /** Counts up with every opening. */
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another turn is another terminal
  useEffect(() => {
    const controller = new AbortController();
    setStage('opening');
    const close = connect(box.current!, { jobId, task, label, signal: controller.signal, tell: setStage });
    return () => {
      controller.abort();
      close();
    };
  }, [jobId, task, label, turn]);
  const over = typeof stage === 'object';
  return (
    <>
      <div ref={box} className="shell" data-stage={over ? 'over' : stage} />
      <div aria-live="polite">
        {over && 'failure' in stage && <ErrorView error={stage.failure} title={t('shellRefused')} />}
        {over && 'reason' in stage && <p className="state wait">{stage.reason || t('shellLost')}</p>}
      </div>
      {over && <Button onClick={() => setTurn(turn + 1)}>{t('shellAgain')}</Button>}
    </>
  );
}

/** Puts a terminal into `box` and connects it; returns what ends both. */
function connect(
  box: HTMLElement,
  input: { jobId: string; task: string; label: string; signal: AbortSignal; tell: (stage: Stage) => void },
): () => void {
  const { jobId, task, label, signal, tell } = input;
  const screen = new Screen({
    fontFamily: 'ui-monospace, "Liberation Mono", monospace',
    fontSize: 13,
    theme: THEME,
    scrollback: 5_000,
    screenReaderMode: true,
  });
  const fit = new FitAddon();
  screen.loadAddon(fit);
  screen.open(box);
  screen.textarea?.setAttribute('aria-label', label);
  fit.fit();
  let socket: WebSocket | undefined;
  let reason = '';
  const send = (data: string | Uint8Array<ArrayBuffer>) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(data);
  };
  const keys = new TextEncoder();
  screen.onData(data => send(keys.encode(data)));
  screen.onBinary(data => send(Uint8Array.from(data, letter => letter.charCodeAt(0))));
  screen.onResize(({ cols, rows }) => send(JSON.stringify({ type: 'resize', columns: cols, rows })));
  // What is hidden has no size to fit.
  const observer = new ResizeObserver(() => box.clientWidth > 0 && fit.fit());
  observer.observe(box);
  const touch = setInterval(() => {
    if (socket?.readyState === WebSocket.OPEN && activity() === 'active') call(showConsoleSession).catch(() => {});
  }, TOUCH_MS);

  const open = async () => {
    const { path } = await call(createTrainingJobShell, {
      params: { training_job_id: jobId, task_id: task },
      body: { columns: screen.cols, rows: screen.rows },
      signal,
    });
    if (signal.aborted) return;
    const made = new WebSocket(new URL(path, location.href.replace(/^http/, 'ws')));
    socket = made;
    made.binaryType = 'arraybuffer';
    made.addEventListener('open', () => {
      tell('open');
      // It may have another size by now.
      send(JSON.stringify({ type: 'resize', columns: screen.cols, rows: screen.rows }));
      screen.focus();
    });
    made.addEventListener('message', ({ data }) => {
      if (typeof data !== 'string') return screen.write(new Uint8Array(data as ArrayBuffer));
      const told = JSON.parse(data) as { type: string; reason?: string };
      if (told.type === 'end') reason = told.reason ?? '';
    });
    made.addEventListener('close', event => {
      screen.options.disableStdin = true;
      if (!signal.aborted) tell({ reason: reason || event.reason });
    });
  };
  open().catch(failure => {
    if (!signal.aborted) tell({ failure });
  });
  return () => {
    clearInterval(touch);
    observer.disconnect();
    socket?.close();
    screen.dispose();
  };
}
