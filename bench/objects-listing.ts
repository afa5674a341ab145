import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { signV2 } from '../src/resources/objects/protocol/signature-v2.ts';
import { type Database, openSqlite } from '../src/store-kit/index.ts';
import { type Figure, percentile } from './report.ts';

const MILLION = 1_000_000;
const TARGET = '≤ 20 ms';
const PAGES = 30;
const DELETE_MS = 10_000;

interface Caller {
  endpoint: string;
  access: string;
  secret: string;
}

/** Pages out of a bucket of a million keys and out of a small one, then others' requests while the million is deleted. */
export async function benchListing(home: string, caller: Caller): Promise<Figure[]> {
  const db = openSqlite(join(home, 'atelier.db'));
  try {
    await insertKeys(db, 'million', MILLION);
    await insertKeys(db, 'few', 10_000);
  } finally {
    await db.destroy();
  }
  const figures: Figure[] = [];
  const pages: [what: string, bucket: string, query: (page: number) => string][] = [
    ['1,000 keys from anywhere', 'million', page => `marker=d${digits(page * 33, 4)}/e5/`],
    ['1,000 keys under a prefix', 'million', page => `prefix=d0${digits(page * 3, 2)}`],
    ['delimiter, 10 common prefixes', 'million', page => `delimiter=/&prefix=d${digits(page * 33, 4)}/`],
    ['delimiter, 1,000 common prefixes', 'million', () => 'delimiter=/'],
    ['1,000 keys, bucket of 10,000', 'few', () => ''],
  ];
  for (const [what, bucket, query] of pages) {
    const times: number[] = [];
    for (let page = 0; page < PAGES + 5; page++) {
      const { ms } = await send(caller, { method: 'GET', bucket, query: query(page % PAGES) });
      if (page >= 5) times.push(ms);
    }
    const figure = { what: `List: ${what}, p50`, value: percentile(times, 0.5), unit: 'ms' };
    figures.push(bucket === 'million' ? { ...figure, target: TARGET } : figure);
  }
  figures.push(...(await duringDelete(caller)));
  return figures;
}

/** The slowest GET and PUT of somebody else while keys are deleted as fast as they can be. */
async function duringDelete(caller: Caller): Promise<Figure[]> {
  await send(caller, { method: 'PUT', bucket: 'few', key: 'mine', body: 'x'.repeat(4096) });
  let deleted = 0;
  let next = 0;
  const until = performance.now() + DELETE_MS;
  const remove = async () => {
    while (performance.now() < until && next < MILLION / 1000) {
      const folder = digits(next++, 4);
      const keys = Array.from(
        { length: 1000 },
        (_, index) => `<Object><Key>d${folder}/e${Math.floor(index / 100)}/${digits(index % 100, 2)}</Key></Object>`,
      );
      const body = `<Delete><Quiet>true</Quiet>${keys.join('')}</Delete>`;
      await send(caller, { method: 'POST', bucket: 'million', query: 'delete', body });
      deleted += 1000;
    }
  };
  const times = { GET: [] as number[], PUT: [] as number[] };
  const use = async (method: 'GET' | 'PUT') => {
    while (performance.now() < until) {
      const body = method === 'PUT' ? { body: 'x'.repeat(4096) } : {};
      times[method].push((await send(caller, { method, bucket: 'few', key: 'mine', ...body })).ms);
      await sleep(5);
    }
  };
  await Promise.all([remove(), remove(), use('GET'), use('PUT')]);
  return [
    { what: 'Keys deleted in batches of 1,000, 2 at once', value: deleted / (DELETE_MS / 1000), unit: '/s' },
    { what: 'GET beside it, p99', value: percentile(times.GET, 0.99), unit: 'ms' },
    { what: 'GET beside it, at worst', value: percentile(times.GET, 1), unit: 'ms' },
    { what: 'PUT beside it, p99', value: percentile(times.PUT, 0.99), unit: 'ms' },
    { what: 'PUT beside it, at worst', value: percentile(times.PUT, 1), unit: 'ms' },
  ];
}

/** Keys `d0000/e0/00` and on, 1,000 under each first part, each with a blob of its own. */
async function insertKeys(db: Database, bucket: string, count: number): Promise<void> {
  await sql`INSERT INTO obs_buckets (name, account_id, account_name, location, storage_class, created_at)
    SELECT ${bucket}, account_id, account_name, location, storage_class, created_at FROM obs_buckets WHERE name = 'bench'`.execute(
    db,
  );
  const step = 50_000; // short transactions: the server writes to the same database
  for (let from = 0; from < count; from += step) {
    const to = Math.min(from + step, count);
    await db.transaction().execute(async transaction => {
      await sql`WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${to})
        INSERT INTO obs_blobs (id, size, refs, checks, content)
        SELECT printf('%02x-%s-%d', i % 256, ${bucket}, i), 1, 1, x'ef8d7d84', x'61' FROM n`.execute(transaction);
      await sql`WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${to})
        INSERT INTO obs_objects (bucket_id, key, size, etag, last_modified, storage_class, attributes, segments)
        SELECT b.id, printf('d%04d/e%d/%02d', i / 1000, i / 100 % 10, i % 100), 1, '0cc175b9c0f1b6a831c399e269772661',
          1767225600000, 'STANDARD', '{"contentType":"binary/octet-stream","metadata":{},"headers":{},"checksum":{}}',
          printf('[["%02x-%s-%d",0,1]]', i % 256, ${bucket}, i)
        FROM n, (SELECT id FROM obs_buckets WHERE name = ${bucket}) b`.execute(transaction);
    });
  }
}

interface Asked {
  method: 'GET' | 'PUT' | 'POST';
  bucket: string;
  key?: string;
  query?: string;
  body?: string;
}

const agent = new Agent({ keepAlive: true });

/** One signed request, its answer read to the end; throws when it is refused. */
function send(caller: Caller, asked: Asked): Promise<{ ms: number }> {
  const { method, bucket, key = '', query = '', body = '' } = asked;
  const date = new Date().toUTCString();
  const md5 = body === '' ? '' : createHash('md5').update(body).digest('base64');
  const resource = `/${bucket}/${key}${query === 'delete' ? '?delete' : ''}`;
  const signature = signV2(caller.secret, `${method}\n${md5}\n\n${date}\n${resource}`);
  const headers = {
    date,
    authorization: `OBS ${caller.access}:${signature}`,
    ...(body === '' ? {} : { 'content-md5': md5, 'content-length': Buffer.byteLength(body) }),
  };
  const url = `${caller.endpoint}/${bucket}/${key}${query === '' ? '' : `?${query}`}`;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent }, response => {
      let said = '';
      response.on('data', data => {
        if (response.statusCode! >= 300) said += data;
      });
      response.once('end', () => {
        if (response.statusCode! < 300) resolve({ ms: performance.now() - started });
        else reject(new Error(`${method} ${url}: ${response.statusCode} ${said}`));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
