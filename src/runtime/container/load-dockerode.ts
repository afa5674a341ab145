import { createRequire, Module } from 'node:module';
import type Docker from 'dockerode';

/** For engines behind SSH, and for image builds by BuildKit over gRPC: we speak plain HTTP to a socket of this machine. */
const UNUSED = ['ssh2', '@grpc/grpc-js', '@grpc/proto-loader'];

/**
 * The client of the Docker API without what it loads for other uses. Measured, that is 20 MB of memory and a quarter of the
 * modules of the whole server.
 */
export function loadDockerode(): typeof Docker {
  const require = createRequire(import.meta.url);
  const home = createRequire(require.resolve('dockerode'));
  const modem = createRequire(home.resolve('docker-modem'));
  for (const name of UNUSED) {
    const path = (name === 'ssh2' ? modem : home).resolve(name);
    if (require.cache[path]) continue;
    const empty = new Module(path);
    empty.exports = {};
    empty.loaded = true;
    require.cache[path] = empty;
  }
  return require('dockerode') as typeof Docker;
}
