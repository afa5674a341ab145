import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type Operation, replay, type Value } from './history.fixture.ts';
import type { Answer, ObsClient } from './requests.fixture.ts';

export const KEYS = ['a', 'b/', 'b/c', 'd é'];

/** What a write puts in place: what readers of it must see. */
export interface Content {
  etag: string;
  /** Of the bytes, in hex. */
  md5: string;
  bytes: Buffer;
}

/** An operation under way on one key. */
export interface Call {
  /** It was answered. */
  answered(means: { saw?: Operation['saw']; wrote?: Value }): void;
  /** Its answer was lost: what it was to write may come to be before the process is dead. */
  lost(wrote?: Value): void;
}

/**
 * What all clients did and saw, by key. The history of each life of the process is replayed when it is dead: nothing is
 * under way then, and what the key may hold is where the next life begins.
 */
export function objectHistory() {
  let now = 0;
  let diedAt: number | undefined;
  let operations = new Map<string, Operation[]>();
  let open: Operation[] = [];
  const contents = new Map<string, Content>();
  /** What was written anywhere, by ETag. */
  const written = new Map<string, Content>();
  /** Values of copies; their content is known when they are answered or seen. */
  const copies = new Set<string>();
  const held = new Map<string, Set<Value>>(KEYS.map(key => [key, new Set([null])]));
  const counts: Record<string, number> = {};
  let acknowledged = 0;
  let lost = 0;
  let writes = 0;

  function call(key: string, name: string): Call {
    const start = ++now;
    const add = (operation: Operation) => {
      const list = operations.get(key) ?? [];
      operations.set(key, list);
      list.push(operation);
    };
    return {
      answered(means) {
        acknowledged++;
        const kind = name.split(' ')[0]!;
        counts[kind] = (counts[kind] ?? 0) + 1;
        add({ name, start, end: ++now, certain: true, ...means });
      },
      lost(wrote) {
        lost++;
        if (wrote === undefined || (diedAt !== undefined && start > diedAt)) return;
        const operation = { name, start, end: diedAt ?? 0, certain: false, wrote };
        add(operation);
        if (diedAt === undefined) open.push(operation);
      },
    };
  }

  /** The content of a copy, by the ETag that it was seen with first. */
  function learn(value: string, etag: string): void {
    const content = written.get(etag);
    assert.ok(content, `the copy ${value} has ETag ${etag}, which nobody wrote`);
    contents.set(value, content);
  }

  /** The value that an answer carries, its ETag checked against it. */
  function valueIn(key: string, answer: Answer): string {
    const value = String(answer.headers['x-obs-meta-op']);
    const etag = String(answer.headers.etag).replaceAll('"', '');
    if (copies.has(value) && !contents.has(value)) learn(value, etag);
    const content = contents.get(value);
    assert.ok(content, `${key} holds ${value}, which nobody wrote`);
    assert.equal(etag, content.etag, `${key}: ETag of ${value}`);
    return value;
  }

  return {
    call,
    valueIn,
    contentOf: (value: string) => contents.get(value)!,
    /** A name for a new write, with what it will put in place; a copy puts what it finds. */
    intend(content: Content | 'copy'): string {
      const value = `w${++writes}`;
      if (content === 'copy') {
        copies.add(value);
      } else {
        contents.set(value, content);
        written.set(content.etag, content);
      }
      return value;
    },
    learn,
    /** A value may be of this ETag: for readers that see no more of it. */
    mayHaveEtag(value: Value, etag: string | undefined): boolean {
      if (value === null || etag === undefined) return value === null && etag === undefined;
      return contents.get(value)?.etag === etag || (!contents.has(value) && written.has(etag));
    },
    mayHaveMd5: (value: Value, md5: string) =>
      value !== null && (!contents.has(value) || contents.get(value)!.md5 === md5),
    /** Checks the bytes of an answer; `range` when it is a part of the object. */
    checkBytes(key: string, value: string, bytes: Buffer, range?: { start: number; end: number }): void {
      const content = contents.get(value)!;
      if (range) {
        assert.ok(
          bytes.equals(content.bytes.subarray(range.start, range.end + 1)),
          `${key}: a range of ${value} is torn`,
        );
      } else {
        assert.equal(createHash('md5').update(bytes).digest('hex'), content.md5, `${key}: ${value} is torn`);
      }
    },
    /** The process is dead: what was under way happened by now, or never will. */
    died(): void {
      diedAt = ++now;
      for (const operation of open) operation.end = diedAt;
      open = [];
    },
    /** Replays what was done since the last time. */
    check(context: string): void {
      for (const key of KEYS) {
        const { finding, values } = replay(operations.get(key) ?? [], held.get(key)!);
        assert.equal(finding, undefined, `${context}, key "${key}": ${finding}`);
        held.set(key, values);
      }
      operations = new Map();
      diedAt = undefined;
    },
    /** Reads every key in full and the listing, as clients that come when all is quiet. */
    async readAll(send: ObsClient): Promise<void> {
      const listing = etagsOf((await send('GET', { bucket: 'data' })).body.toString());
      for (const key of KEYS) {
        const reading = call(key, 'read');
        const answer = await send('GET', { bucket: 'data', key });
        const value = answer.status === 404 ? null : valueIn(key, answer);
        if (value !== null) this.checkBytes(key, value, answer.body);
        reading.answered({ saw: held => held === value });
        const etag = value === null ? undefined : String(answer.headers.etag).replaceAll('"', '');
        assert.equal(listing.get(key), etag, `${key}: listed with another ETag than it has`);
      }
    },
    summary: () => ({ acknowledged, lost, counts }),
  };
}

export type ObjectHistory = ReturnType<typeof objectHistory>;

/** ETags by key of a listing. */
export function etagsOf(xml: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, key, etag] of xml.matchAll(/<Key>([^<]*)<\/Key>.*?<ETag>&quot;([^<]*)&quot;<\/ETag>/g)) {
    found.set(key!, etag!);
  }
  return found;
}
