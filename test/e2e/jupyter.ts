/** A running instance as the API shows it. */
interface Opened {
  id: string;
  url: string;
  token: string;
}

export interface Kernel {
  /** Runs code and resolves with what it printed; rejects when it raises. */
  run(code: string): Promise<string>;
  close(): void;
}

/** A new kernel of an instance, reached through the proxy as browsers do: HTTP to make it, a WebSocket to talk to it. */
export async function kernelOf({ id, url, token }: Opened): Promise<Kernel> {
  const { host, origin } = new URL(url);
  const make = () =>
    fetch(`${origin}/${id}/api/kernels`, { method: 'POST', headers: { authorization: `token ${token}` }, body: '{}' });
  let made = await make();
  // A server that has just started may not have found its engine yet, and says so.
  for (const end = Date.now() + 60_000; made.status === 502 && Date.now() < end; made = await make()) {
    await new Promise(resolve => setTimeout(resolve, 200));
  }
  if (made.status !== 201) throw new Error(`a kernel: ${made.status} ${await made.text()}`);
  const kernel = (await made.json()) as { id: string };
  const socket = new WebSocket(`ws://${host}/${id}/api/kernels/${kernel.id}/channels?token=${token}`);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = event => reject(new Error(`the kernel's connection failed: ${JSON.stringify(event)}`));
  });
  return {
    run: code =>
      new Promise((resolve, reject) => {
        const msgId = crypto.randomUUID();
        let printed = '';
        const take = (event: MessageEvent) => {
          const message = JSON.parse(String(event.data));
          if (message.parent_header?.msg_id !== msgId) return;
          if (message.msg_type === 'stream') printed += message.content.text;
          if (message.msg_type === 'error')
            done(() => reject(new Error(`${message.content.ename}: ${message.content.evalue}`)));
          if (message.msg_type === 'status' && message.content.execution_state === 'idle') done(() => resolve(printed));
        };
        const closed = () => done(() => reject(new Error('the connection ended')));
        function done(then: () => void) {
          socket.removeEventListener('message', take);
          socket.removeEventListener('close', closed);
          then();
        }
        socket.addEventListener('message', take);
        socket.addEventListener('close', closed);
        socket.send(
          JSON.stringify({
            header: { msg_id: msgId, username: '', session: msgId, msg_type: 'execute_request', version: '5.3' },
            parent_header: {},
            metadata: {},
            content: { code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false },
            channel: 'shell',
            buffers: [],
          }),
        );
      }),
    close: () => socket.close(),
  };
}
