import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PackageIndex {
  /** Address for PIP_INDEX_URL. */
  url: string;
  /** Paths that were asked for, in order. */
  asked: string[];
  /** Answers in the place of the index, where it returns true. */
  instead: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** A line of a lock for the files of a package. */
  lockLine(name: string, version: string): string;
  close(): Promise<void>;
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

/** A Python package index (PEP 503) of its own; `files`: content by file name, for each package. */
export async function packageIndex(files: Record<string, Record<string, string>>): Promise<PackageIndex> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://index');
    index.asked.push(pathname);
    if (index.instead(request, response)) return;
    const [, kind, name = '', file = ''] = pathname.split('/');
    const held = files[name];
    if (!held || (kind === 'files' && held[file] === undefined)) {
      response.statusCode = 404;
      response.end();
    } else if (kind === 'files') {
      response.end(held[file]);
    } else {
      response.end(
        Object.entries(held)
          .map(
            ([each, content]) =>
              `<a href="../../files/${name}/${each}#sha256=${digest(content)}" data-x="&gt;">${each}</a>`,
          )
          .join('\n'),
      );
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const index: PackageIndex = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`,
    asked: [],
    instead: () => false,
    lockLine: (name, version) =>
      [`${name}==${version}`, ...Object.values(files[name]!).map(content => `--hash=sha256:${digest(content)}`)].join(
        ' ',
      ),
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
  return index;
}
