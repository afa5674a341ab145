import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';

/**
 * The peer of a GET: `cat` of a file straight into the connection, after the least of HTTP that a client wants, and nothing else.
 * `cat-server.ts <file>`; prints its port.
 */
const file = process.argv[2]!;
const server = createServer(socket => {
  socket.once('data', () => {
    socket.pause();
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${statSync(file).size}\r\nConnection: close\r\n\r\n`, () => {
      const cat = spawn('cat', [file], { stdio: ['ignore', socket, 'inherit'] });
      cat.once('exit', () => socket.end());
    });
  });
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
