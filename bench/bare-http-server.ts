import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What Node's own HTTP server does when it has nothing else to do: a constant answer of 4 KiB. Prints its port. */
const answer = Buffer.alloc(4096, 1);
const server = createServer((_request, response) => {
  response.setHeader('Content-Length', answer.length);
  response.end(answer);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
