import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { get as getHttp, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { get as getHttps, Agent as HttpsAgent } from 'node:https';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';

export const PYPI = 'https://pypi.org/simple';

/** A package at its version, and the digests of the wheels of it that would do: one for each kind of machine, or one for all. */
export interface LockedPackage {
  name: string;
  version: string;
  /** SHA-256, in hexadecimal digits. */
  digests: readonly string[];
}

export interface WheelSource {
  /** Address of the package index (PEP 503), with credentials where it asks for some; PyPI when absent. */
  index?: string | undefined;
  /** Longest wait for the first answer of the index, and for all wheels, in milliseconds. */
  reachMs?: number;
  fetchMs?: number;
  signal?: AbortSignal | undefined;
}

/** The wheels could not be had; the message says why, for people, and holds no credentials. */
export class WheelsMissing extends Error {}

const REACH_MS = 5_000;
const FETCH_MS = 90_000;
const AT_ONCE = 6;
const MOST_REDIRECTS = 4;
/** Pages of packages with many files have some MB. */
const LARGEST_BYTES = 64 * 1024 ** 2;

/** Reads a requirements file of lines such as `name==1.0 --hash=sha256:…`. Throws where a line is anything else. */
export function readLock(text: string): LockedPackage[] {
  return text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => {
      const [, name, version, hashes] =
        /^([a-z0-9-]+)==([a-z0-9.]+)((?: --hash=sha256:[0-9a-f]{64})+)$/.exec(line) ?? [];
      if (!name || !version || !hashes) throw new Error(`this line of the lock cannot be read: ${line}`);
      return { name, version, digests: hashes.split(' --hash=sha256:').slice(1) };
    });
}

/**
 * Fetches the wheels of `packages` into `dir`, each checked against its digest; of a package with several wheels, that for this
 * machine. The machine's own certificates and proxy variables (`https_proxy`, …) hold. Throws WheelsMissing.
 */
export async function fetchWheels(
  packages: readonly LockedPackage[],
  dir: string,
  source: WheelSource = {},
): Promise<void> {
  const index = parseIndex(source.index ?? PYPI);
  const given = source.signal ? [source.signal] : [];
  const overall = AbortSignal.any([...given, AbortSignal.timeout(source.fetchMs ?? FETCH_MS)]);
  const agents = {
    'http:': new HttpAgent({ keepAlive: true, maxSockets: AT_ONCE, proxyEnv: process.env }),
    'https:': new HttpsAgent({
      keepAlive: true,
      maxSockets: AT_ONCE,
      proxyEnv: process.env,
      ca: [...new Set([...getCACertificates('default'), ...getCACertificates('system')])],
    }),
  };
  const fetchOne = async ({ name, version, digests }: LockedPackage, signal: AbortSignal) => {
    const page = new URL(`${name}/`, index);
    const file = fileOn((await fetched(page, agents, signal)).toString('utf8'), page, digests);
    if (!file) throw new WheelsMissing(`${index.host} has no wheel of ${name} ${version} for this machine`);
    const content = await fetched(file.address, agents, overall);
    const digest = createHash('sha256').update(content).digest('hex');
    if (digest !== file.digest)
      throw new WheelsMissing(`what ${file.address.host} has as ${file.name} is not what it should be`);
    await writeFile(join(dir, file.name), content);
  };
  try {
    await mkdir(dir, { recursive: true });
    const left = [...packages];
    const first = left.shift();
    const reach = AbortSignal.any([overall, AbortSignal.timeout(source.reachMs ?? REACH_MS)]);
    if (first) await fetchOne(first, reach);
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let next = left.shift(); next; next = left.shift()) await fetchOne(next, overall);
      }),
    );
  } catch (error) {
    source.signal?.throwIfAborted();
    if (error instanceof WheelsMissing) throw error;
    const why = overall.aborted ? 'it took too long' : error instanceof Error ? error.message : String(error);
    throw new WheelsMissing(`${index.host} could not be read: ${why}`, { cause: error });
  } finally {
    for (const agent of Object.values(agents)) agent.destroy();
  }
}

function parseIndex(text: string): URL {
  const index = URL.parse(text.endsWith('/') ? text : `${text}/`);
  if (index?.protocol === 'http:' || index?.protocol === 'https:') return index;
  throw new WheelsMissing('PIP_INDEX_URL is no address of a package index');
}

/** The file with one of the digests that runs on this machine, from a page of a package index. */
function fileOn(html: string, page: URL, digests: readonly string[]) {
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  for (const [, href, digest] of html.matchAll(/<a\b[^>]*\bhref="([^"#]+)#sha256=([0-9a-f]{64})"/gi)) {
    if (!digests.includes(digest!)) continue;
    const address = URL.parse(href!.replaceAll('&amp;', '&'), page.href);
    const name = address?.pathname.split('/').at(-1) ?? '';
    if (!address || !/^[\w.+-]+\.whl$/.test(name)) continue;
    if (name.endsWith('-any.whl') || name.endsWith(`_${machine}.whl`)) return { address, name, digest: digest! };
  }
  return undefined;
}

type Agents = { 'http:': HttpAgent; 'https:': HttpsAgent };

async function fetched(address: URL, agents: Agents, signal: AbortSignal, redirects = 0): Promise<Buffer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { accept: 'text/html, */*;q=0.1', 'user-agent': 'atelier' };
    const request =
      address.protocol === 'https:'
        ? getHttps(address, { agent: agents['https:'], headers, signal })
        : getHttp(address, { agent: agents['http:'], headers, signal });
    request.on('response', resolve).on('error', reject);
  });
  const { statusCode = 0, headers } = response;
  if (statusCode >= 300 && statusCode < 400 && headers.location && redirects < MOST_REDIRECTS) {
    response.resume();
    const next = new URL(headers.location, address);
    // What was encrypted stays so, whatever the other side says.
    if (address.protocol === 'https:' && next.protocol !== 'https:')
      throw new Error('it leads to an address without TLS');
    return fetched(next, agents, signal, redirects + 1);
  }
  if (statusCode !== 200) {
    response.destroy();
    throw new Error(`it answers ${statusCode} to ${address.pathname}`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BYTES) throw new Error(`${address.pathname} is larger than anything it should have`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
