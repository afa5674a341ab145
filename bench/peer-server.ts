import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';

/**
 * The peer of the API server: bare Fastify with the same answer, serialized anew for each request, and nothing around it: no
 * credential, no policy, no database, no audit, no metrics. `peer-server.ts <file with the answer>`; prints its port.
 */
const answer = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as unknown;
const app = Fastify();
app.get('/*', async () => answer);
await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${(app.server.address() as AddressInfo).port}\n`);
