import { type Failure, isFailure } from '../../kernel/failure.ts';
import { activity } from '../activity.ts';
import { currentProject } from '../session.ts';
import { typeOf } from './file-types.ts';
import { addressOf, obs, obsFailureOf, obsXml, unreachable } from './obs.ts';
import { textAt, within, xml } from './xml.ts';

const MIB = 1024 ** 2;
/** Larger files are sent in parts of at least this size. */
const PART_BYTES = 8 * MIB;
const MOST_PARTS = 10_000;
const AT_ONCE = 3;
/** Between attempts of one part while the connection is lost, in milliseconds. */
const PAUSES = [500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000];

/** Where a file goes, and what is told of it on the way. */
export interface Sending {
  bucket: string;
  key: string;
  file: File;
  signal: AbortSignal;
  /** Bytes that the server has. */
  progress(sent: number): void;
  /** The connection is lost (true), or there again. */
  waiting(lost: boolean): void;
}

/** Sends a file. Throws Failure where the server refuses it or does not answer for long; sending it again goes on where it stopped. */
export async function uploadFile(sending: Sending): Promise<void> {
  const { bucket, key, file } = sending;
  if (file.size <= PART_BYTES) {
    await persist(sending, () => put(addressOf({ bucket, key }), file, sending, typeOf(file), sending.progress));
    return;
  }
  const partBytes = Math.max(PART_BYTES, Math.ceil(file.size / MOST_PARTS / MIB) * MIB);
  const upload = await begin(sending, partBytes);
  const { uploadId, parts } = upload;
  const partAt = (number: number) => file.slice((number - 1) * partBytes, number * partBytes);
  const numbers = Array.from({ length: Math.ceil(file.size / partBytes) }, (_, at) => at + 1);
  /** Of each part, how much the server has. */
  const sent = new Map(numbers.filter(number => parts.has(number)).map(number => [number, partAt(number).size]));
  const tell = () => sending.progress([...sent.values()].reduce((sum, bytes) => sum + bytes, 0));
  tell();
  const left = numbers.filter(number => !parts.has(number));
  const stop = new AbortController();
  const signal = AbortSignal.any([sending.signal, stop.signal]);
  const work = async () => {
    for (let number = left.shift(); number !== undefined; number = left.shift()) {
      const at = number;
      const address = addressOf({ bucket, key }, { uploadId, partNumber: at });
      const etag = await persist({ ...sending, signal }, () =>
        put(address, partAt(at), { signal }, undefined, bytes => {
          sent.set(at, bytes);
          tell();
        }),
      );
      parts.set(at, etag);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } catch (error) {
    stop.abort();
    throw error;
  }
  const listed = numbers.map(number => xml('Part', xml('PartNumber', number), xml('ETag', parts.get(number)!)));
  const body = String(xml('CompleteMultipartUpload', ...listed));
  await persist(sending, () => obs('POST', { bucket, key }, { query: { uploadId }, body, signal: sending.signal }));
  forget(bucket, key);
}

/** Tries again for as long as the connection is lost, or the server too busy. */
async function persist<T>(
  { signal, waiting }: Pick<Sending, 'signal' | 'waiting'>,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      const done = await work();
      if (attempt > 0) waiting(false);
      return done;
    } catch (error) {
      const pause = PAUSES[attempt];
      if (signal.aborted || pause === undefined || !mayPass(error)) throw error;
      waiting(true);
      await new Promise<void>(resolve => {
        const timer = setTimeout(done, pause);
        signal.addEventListener('abort', done, { once: true });
        addEventListener('online', done, { once: true });
        function done(): void {
          clearTimeout(timer);
          resolve();
        }
      });
    }
  }
}

function mayPass(error: unknown): boolean {
  return isFailure(error) && (error.status === 503 || error.code === 'IncompleteBody');
}

/** PUT with progress, which `fetch` does not tell; resolves with the ETag. */
function put(
  address: string,
  body: Blob,
  { signal }: { signal: AbortSignal },
  type: string | undefined,
  progress: (sent: number) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open('PUT', address);
    request.setRequestHeader('x-atelier-console', activity());
    if (type) request.setRequestHeader('content-type', type);
    request.upload.onprogress = event => progress(event.loaded);
    request.onload = () => {
      if (request.status < 300) {
        progress(body.size);
        resolve(request.getResponseHeader('etag') ?? '');
      } else reject(failureOf(request));
    };
    request.onerror = () => reject(unreachable(undefined));
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    request.send(body);
  });
}

function failureOf(request: XMLHttpRequest): Failure {
  return obsFailureOf(request.status, request.responseText, name => request.getResponseHeader(name));
}

/** What this browser remembers of uploads in parts that have not ended: of which file they are, never of its content. */
export interface Unfinished {
  bucket: string;
  key: string;
  uploadId: string;
  size: number;
  modified: number;
  partBytes: number;
}

/** Of the session's project: another user of the browser need not see the names. */
const place = () => `atelier-uploads-${currentProject()}`;
const MOST_REMEMBERED = 100;

/** The unfinished uploads of this browser, the latest first. */
export function unfinished(): Unfinished[] {
  try {
    return JSON.parse(localStorage.getItem(place()) ?? '[]') as Unfinished[];
  } catch {
    return []; // no storage, or somebody else's text in it
  }
}

function remember(list: Unfinished[]): void {
  try {
    localStorage.setItem(place(), JSON.stringify(list.slice(0, MOST_REMEMBERED)));
  } catch {
    // It is then sent from the beginning after a reload.
  }
}

function forget(bucket: string, key: string): void {
  remember(unfinished().filter(each => each.bucket !== bucket || each.key !== key));
}

/** Gives an unfinished upload up: the server drops its parts. */
export async function discard({ bucket, key, uploadId }: Unfinished): Promise<void> {
  try {
    await obs('DELETE', { bucket, key }, { query: { uploadId } });
  } catch (error) {
    if (!isFailure(error) || error.status >= 500) throw error; // it is gone already
  }
  forget(bucket, key);
}

/** The upload that was begun of the same file, with the parts that the server has, or a new one. */
async function begin(sending: Sending, partBytes: number): Promise<{ uploadId: string; parts: Map<number, string> }> {
  const { bucket, key, file } = sending;
  const known = unfinished().find(each => each.bucket === bucket && each.key === key);
  const same =
    known?.size === file.size && known.modified === file.lastModified && known.partBytes === partBytes && known;
  if (same) {
    const parts = await partsOf(sending, same);
    if (parts) return { uploadId: same.uploadId, parts };
  }
  // Of another file: nobody would end it.
  if (known) await persist(sending, () => discard(known));
  const type = typeOf(file);
  const tree = await persist(sending, () =>
    obsXml('POST', { bucket, key }, { query: { uploads: '' }, headers: { 'content-type': type } }),
  );
  const uploadId = textAt(tree, 'UploadId');
  const { size, lastModified: modified } = file;
  remember([{ bucket, key, uploadId, size, modified, partBytes }, ...unfinished()]);
  return { uploadId, parts: new Map() };
}

/** ETags of the whole parts that the server has, by number; undefined where it knows no such upload of ours. */
async function partsOf(sending: Sending, known: Unfinished): Promise<Map<number, string> | undefined> {
  const { bucket, key, uploadId, size, partBytes } = known;
  const parts = new Map<number, string>();
  const last = Math.ceil(size / partBytes);
  try {
    for (let after = '0'; ; ) {
      const query = { uploadId, 'part-number-marker': after };
      const tree = await persist(sending, () => obsXml('GET', { bucket, key }, { query }));
      for (const part of within(tree, 'Part')) {
        const number = Number(textAt(part, 'PartNumber'));
        const whole = number === last ? size - (last - 1) * partBytes : partBytes;
        if (Number(textAt(part, 'Size')) === whole) parts.set(number, textAt(part, 'ETag'));
      }
      if (textAt(tree, 'IsTruncated') !== 'true') return parts;
      after = textAt(tree, 'NextPartNumberMarker');
    }
  } catch (error) {
    if (isFailure(error) && error.status < 500) return undefined;
    throw error;
  }
}
