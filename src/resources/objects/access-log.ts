import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../kernel/clock.ts';
import { randomText } from '../../kernel/ids.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Blobs } from './blobs.ts';
import { type objectService, receive } from './object.service.ts';
import { objectStore } from './object.store.ts';
import { attributes, type BucketInfo, type ObsPath } from './object.ts';
import type { SettingsStore } from './settings.store.ts';

/** Lines of one bucket that wait for delivery are delivered early when they are this many bytes. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** What is known of a request when its answer is over. */
export interface LoggedRequest {
  request: IncomingMessage;
  requestId: string;
  path: ObsPath;
  /** `REST.GET.OBJECT`. */
  operation(): string;
  principal?: Principal;
  errorCode?: string;
}

/**
 * Logs of who asked what of a bucket, for buckets that have logging set: lines gather in memory and are put as objects into the target
 * bucket at intervals and on stop. As on OBS they are sent at best effort: what a killed process had not delivered is lost.
 */
export function createAccessLog(deps: {
  settings: SettingsStore;
  store: ReturnType<typeof objectStore>;
  blobs: Blobs;
  objects: Pick<ReturnType<typeof objectService>, 'enter' | 'replace'>;
  clock: Clock;
  log: Log;
  intervalMs: number;
}) {
  const { settings, store, blobs, objects, clock, log, intervalMs } = deps;
  const waiting = new Map<string, { lines: string[]; bytes: number }>();
  let delivery: Promise<void> = Promise.resolve();
  const timer = setInterval(() => void flush(), intervalMs);
  timer.unref();

  /** Puts what waits into the target buckets, one delivery after the other. */
  function flush(): Promise<void> {
    delivery = delivery.then(async () => {
      const all = [...waiting];
      waiting.clear();
      for (const [bucket, { lines }] of all) {
        await deliver(bucket, lines.join('')).catch(error => {
          log.error({ err: error, bucket, lines: lines.length }, 'an access log could not be delivered and is lost');
        });
      }
    });
    return delivery;
  }

  async function deliver(source: string, text: string): Promise<void> {
    const target = (await settings.having('logging')).get(source)?.value.LoggingEnabled;
    const [from, to] = [await store.findBucket(source), target && (await store.findBucket(target.TargetBucket))];
    if (!target || !from || to?.accountId !== from.accountId) return; // switched off, or deleted, meanwhile
    const at = new Date(clock.now()).toISOString().slice(0, 19).replace(/[T:]/g, '-');
    await put(to, `${target.TargetPrefix ?? ''}${at}-${randomText(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789')}`, text);
  }

  async function put(bucket: BucketInfo, key: string, text: string): Promise<void> {
    const { blob } = await receive(blobs, Buffer.from(text), {});
    await objects.enter(blob, async transaction => {
      await objectStore(transaction).insertBlob(blob.blob);
      return objects.replace(transaction, bucket, key, {
        size: blob.size,
        etag: blob.md5,
        attributes: attributes({ contentType: 'text/plain', storageClass: bucket.storageClass }),
        segments: blob.segments,
      });
    });
  }

  function note(bucket: string, line: string): void {
    const lines = waiting.get(bucket) ?? { lines: [], bytes: 0 };
    waiting.set(bucket, lines);
    lines.lines.push(line);
    lines.bytes += line.length;
    if (lines.bytes > MAX_WAITING_BYTES) void flush();
  }

  return {
    /** Notes a request once its answer is over, if its bucket is logged. `known` may be completed until then. */
    async watch(known: LoggedRequest, response: ServerResponse): Promise<void> {
      const found = (await settings.having('logging')).get(known.path.bucket);
      if (!found) return;
      const startedAt = performance.now();
      const at = clock.now();
      const owner = (await store.findBucket(known.path.bucket))?.accountId ?? '-';
      response.once('close', () => {
        note(known.path.bucket, lineOf(known, response, { at, owner, ms: Math.round(performance.now() - startedAt) }));
      });
    },
    flush,
    async stop(): Promise<void> {
      clearInterval(timer);
      await flush();
    },
  };
}

export type AccessLog = ReturnType<typeof createAccessLog>;

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** One line (OBS "Logging": owner, bucket, time, address, requester, request, operation, key, URI, status, …). */
function lineOf(
  { request, requestId, path, operation, principal, errorCode }: LoggedRequest,
  response: ServerResponse,
  told: { at: number; owner: string; ms: number },
): string {
  const [day, time] = new Date(told.at).toISOString().split(/[T.]/) as [string, string];
  const [year, month, date] = day.split('-');
  const length = response.getHeader('content-length');
  const sent = request.method === 'HEAD' || length === undefined ? '-' : String(length);
  const range = /\/(\d+)$/.exec(String(response.getHeader('content-range') ?? ''))?.[1];
  const size = path.key !== '' && request.method === 'GET' && !errorCode ? (range ?? sent) : '-';
  const version = response.getHeader('x-obs-version-id') ?? response.getHeader('x-amz-version-id') ?? '-';
  const fields = [
    told.owner,
    path.bucket,
    `[${date}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000]`,
    request.socket.remoteAddress ?? '-',
    principal?.id ?? 'Anonymous',
    requestId,
    operation(),
    path.key === '' ? '-' : encodeURIComponent(path.key).replaceAll('%2F', '/'),
    quoted(`${request.method} ${withoutSecrets(request.url ?? '/')} HTTP/${request.httpVersion}`),
    response.statusCode,
    errorCode ?? '-',
    sent,
    size,
    told.ms,
    told.ms,
    quoted(request.headers.referer ?? '-'),
    quoted(request.headers['user-agent'] ?? '-'),
    version,
    '-',
  ];
  return `${fields.join(' ')}\n`;
}

/** Who sends a header must not be able to end the field or the line. */
function quoted(text: string): string {
  return `"${text.slice(0, 4096).replace(/[^\x20-\x7e]|["\\]/g, c => encodeURIComponent(c.toWellFormed()))}"`;
}

/** A signed URL in a log would be a key for whoever reads the log. */
function withoutSecrets(url: string): string {
  return url
    .replace(/([?&](?:X-Amz-)?(?:Signature|Security-Token)=)[^&]*/gi, '$1-')
    .replace(/([?&]x-obs-security-token=)[^&]*/gi, '$1-');
}
