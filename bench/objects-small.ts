import { closeSync, fdatasyncSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { processorTime, ratioFigure, type SignUrl, seconds } from './objects-kit.ts';
import { type Figure, median } from './report.ts';
import { type Flow, wrk } from './wrk.ts';

const CLIENTS = 64;
const SIZE = 4096;
const READ_KEYS = 1_000;
const ROUNDS = 3;
const SECONDS = 3;

/** Takes a URL of the list for each request, and the next one for the next. */
function script(urls: string, method: string): string {
  return `
local paths = {}
for line in io.lines(${JSON.stringify(urls)}) do paths[#paths + 1] = line end
local at = 0
local body = ${method === 'PUT' ? `string.rep('x', ${SIZE})` : 'nil'}
request = function()
  at = at % #paths + 1
  return wrk.format('${method}', paths[at], nil, body)
end
`;
}

/** PUT and GET of 4 KiB by 64 clients at once, in rounds taken in turn with the disk's own fsync. */
export async function benchSmall(dir: string, pid: number, sign: SignUrl): Promise<Figure[]> {
  const samples = { sync: [] as number[], put: [] as Flow[], get: [] as Flow[], core: [] as number[] };
  const load = await smallLoad(dir, sign);
  await load('PUT', 2);
  for (let round = 0; round < ROUNDS; round++) {
    samples.sync.push(await syncRate(dir));
    samples.put.push(await load('PUT', SECONDS));
  }
  await fill(load);
  await load('GET', 1);
  for (let round = 0; round < ROUNDS; round++) {
    const before = processorTime(pid);
    const started = performance.now();
    const flow = await load('GET', SECONDS);
    const cores = (processorTime(pid) - before) / ((performance.now() - started) / 1000);
    samples.get.push(flow);
    samples.core.push(flow.requestsPerSecond / cores);
  }
  const middle = (flows: Flow[], of: keyof Flow) => median(flows.map(flow => flow[of]));
  const fsync = median(samples.sync);
  return [
    ratioFigure(
      {
        what: `PUT of 4 KiB, ${CLIENTS} clients`,
        value: middle(samples.put, 'requestsPerSecond'),
        unit: '/s',
        target: '≥ 0.5',
      },
      { name: 'write + fdatasync, one after the other', value: fsync },
      median(samples.put.map((flow, round) => flow.requestsPerSecond / samples.sync[round]!)),
    ),
    { what: `PUT of 4 KiB, ${CLIENTS} clients, p50`, value: middle(samples.put, 'p50'), unit: 'ms' },
    { what: `PUT of 4 KiB, ${CLIENTS} clients, p99`, value: middle(samples.put, 'p99'), unit: 'ms' },
    { what: `GET of 4 KiB, ${CLIENTS} clients`, value: middle(samples.get, 'requestsPerSecond'), unit: '/s' },
    { what: 'GET of 4 KiB, per core of the server', value: median(samples.core), unit: '/s', target: '≥ 8,000' },
    { what: `GET of 4 KiB, ${CLIENTS} clients, p99`, value: middle(samples.get, 'p99'), unit: 'ms' },
  ];
}

type SmallLoad = (method: 'GET' | 'PUT' | 'FILL', seconds: number) => Promise<Flow>;

/** Load of small objects on a store, with URLs signed beforehand. FILL puts the objects that GET reads. */
export async function smallLoad(dir: string, sign: SignUrl): Promise<SmallLoad> {
  const origin = new URL(sign('GET', 'x')).origin;
  const scripts = { GET: '', PUT: '', FILL: '' };
  for (const name of ['GET', 'PUT', 'FILL'] as const) {
    const file = join(dir, `urls-${name}`);
    const method = name === 'GET' ? 'GET' : 'PUT';
    const folder = name === 'PUT' ? 'put' : 'get';
    const count = name === 'PUT' ? 30_000 : READ_KEYS;
    const urls = Array.from({ length: count }, (_, index) => sign(method, `${folder}/${index % 100}/${index}`));
    writeFileSync(file, urls.map(url => url.slice(origin.length)).join('\n'));
    scripts[name] = script(file, method);
  }
  return (name, duration) => wrk(origin, scripts[name], { connections: CLIENTS, seconds: duration });
}

/** Puts every object that GET will read. */
export async function fill(load: SmallLoad): Promise<void> {
  for (let put = 0; put < READ_KEYS + CLIENTS; ) put = (await load('FILL', 2)).requests;
}

/** New bytes of a small object at the end of a file, on disk before the next. */
async function syncRate(dir: string): Promise<number> {
  const path = join(dir, 'synced');
  const file = openSync(path, 'w');
  const bytes = Buffer.alloc(SIZE, 1);
  let count = 0;
  const took = await seconds(() => {
    const until = performance.now() + 2000;
    for (; performance.now() < until; count++) {
      writeSync(file, bytes);
      fdatasyncSync(file);
    }
  });
  closeSync(file);
  rmSync(path);
  return count / took;
}
