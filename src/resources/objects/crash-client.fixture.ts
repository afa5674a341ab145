import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type Content, etagsOf, KEYS, type ObjectHistory } from './crash-history.fixture.ts';
import type { Random } from './random.fixture.ts';
import type { Answer, ObsClient, Request } from './requests.fixture.ts';

/** One life of the process, as its clients know it. */
export interface Life {
  /** It is about to be killed: begin nothing more, and expect no answer. */
  over: boolean;
  acknowledged: number;
}

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');
const SMALLEST_PART = 100 * 1024;
const bucket = 'data';

/** Works on random keys until the life is over, and tells the history. Throws when an answer is not as it should be. */
export async function crashClient(deps: {
  send: ObsClient;
  history: ObjectHistory;
  random: Random;
  life: Life;
}): Promise<void> {
  const { history, random, life } = deps;

  /** The answer, or undefined when the process died on it. */
  async function send(method: string, request: Omit<Request, 'bucket'>, ...expected: number[]) {
    let answer: Answer;
    try {
      answer = await deps.send(method, { bucket, ...request });
    } catch (error) {
      assert.ok(life.over, `${method} ${request.key} was broken off by a living process: ${error}`);
      return undefined;
    }
    assert.ok(expected.includes(answer.status), `${method} ${request.key}: ${answer.status} ${answer.body}`);
    life.acknowledged++;
    return answer;
  }

  function content(): Content {
    const size = random.pick([
      random.below(200),
      random.below(16_500),
      random.below(200_000),
      random.below(200_000),
      1_500_000,
    ]);
    const bytes = random.bytes(size);
    return { bytes, md5: md5(bytes), etag: md5(bytes) };
  }

  async function put(key: string, onlyNew: boolean): Promise<void> {
    const made = content();
    const value = history.intend(made);
    const call = history.call(key, onlyNew ? `create ${value}` : `put ${value}`);
    const headers = { 'x-obs-meta-op': value, ...(onlyNew ? { 'if-none-match': '*' } : {}) };
    const answer = await send('PUT', { key, body: made.bytes, headers }, 200, ...(onlyNew ? [412] : []));
    if (!answer) return call.lost(value);
    if (answer.status === 412) return call.answered({ saw: held => held !== null });
    assert.equal(answer.headers.etag, `"${made.etag}"`);
    call.answered({ wrote: value, ...(onlyNew ? { saw: held => held === null } : {}) });
  }

  async function get(key: string): Promise<void> {
    const call = history.call(key, 'get');
    const answer = await send('GET', { key }, 200, 404);
    if (!answer) return call.lost();
    const value = answer.status === 404 ? null : history.valueIn(key, answer);
    if (value !== null) history.checkBytes(key, value, answer.body);
    call.answered({ saw: held => held === value });
  }

  async function getRange(key: string): Promise<void> {
    const start = random.below(10_000);
    const call = history.call(key, 'range');
    const answer = await send('GET', { key, headers: { range: `bytes=${start}-${start + 999}` } }, 206, 404, 416);
    if (!answer) return call.lost();
    if (answer.status === 404) return call.answered({ saw: held => held === null });
    if (answer.status === 416) return call.answered({ saw: held => held !== null });
    const value = history.valueIn(key, answer);
    history.checkBytes(key, value, answer.body, { start, end: start + 999 });
    call.answered({ saw: held => held === value });
  }

  async function remove(key: string): Promise<void> {
    const call = history.call(key, 'delete');
    const answer = await send('DELETE', { key }, 204);
    if (answer) call.answered({ wrote: null });
    else call.lost(null);
  }

  async function list(): Promise<void> {
    const calls = KEYS.map(key => ({ key, call: history.call(key, 'list') }));
    const answer = await send('GET', {}, 200);
    const etags = answer && etagsOf(answer.body.toString());
    for (const { key, call } of calls) {
      if (etags) call.answered({ saw: held => history.mayHaveEtag(held, etags.get(key)) });
      else call.lost();
    }
  }

  const sourceHeader = (key: string) => `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;

  async function copy(source: string, key: string): Promise<void> {
    const value = history.intend('copy');
    const writing = history.call(key, `copy ${value}`);
    const reading = history.call(source, `copy-source of ${value}`);
    const headers = {
      'x-obs-copy-source': sourceHeader(source),
      'x-obs-metadata-directive': 'REPLACE',
      'x-obs-meta-op': value,
    };
    const answer = await send('PUT', { key, headers }, 200, 404);
    if (!answer) {
      reading.lost();
      return writing.lost(value);
    }
    if (answer.status === 404) return reading.answered({ saw: held => held === null });
    const etag = /<ETag>&quot;(.*?)&quot;/.exec(answer.body.toString())![1]!;
    history.learn(value, etag);
    reading.answered({ saw: held => history.mayHaveEtag(held, etag) });
    writing.answered({ wrote: value });
  }

  async function multipart(key: string): Promise<void> {
    const first = random.bytes(SMALLEST_PART + random.below(100_000));
    const second = random.bytes(random.below(50_000));
    const digests = Buffer.from(md5(first) + md5(second), 'hex');
    const bytes = Buffer.concat([first, second]);
    const made = { bytes, md5: md5(bytes), etag: `${md5(digests)}-2` };
    const value = history.intend(made);
    const begun = await send('POST', { key, query: { uploads: '' }, headers: { 'x-obs-meta-op': value } }, 200);
    if (!begun) return;
    const uploadId = /<UploadId>(.*?)</.exec(begun.body.toString())![1]!;
    for (const [index, body] of [first, second].entries()) {
      const part = await send('PUT', { key, query: { partNumber: `${index + 1}`, uploadId }, body }, 200);
      if (!part) return;
      assert.equal(part.headers.etag, `"${md5(body)}"`);
    }
    if (random.chance(0.1)) return; // never completed: nothing of it may be seen
    const call = history.call(key, `complete ${value}`);
    const parts = [first, second].map(
      (body, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${md5(body)}</ETag></Part>`,
    );
    const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
    const answer = await send('POST', { key, query: { uploadId }, body }, 200);
    if (!answer) return call.lost(value);
    assert.ok(answer.body.includes(`&quot;${made.etag}&quot;`));
    call.answered({ wrote: value });
  }

  /** A part by reference, the upload then given up: what it read is what counts. */
  async function copyPart(source: string, key: string): Promise<void> {
    const begun = await send('POST', { key, query: { uploads: '' } }, 200);
    if (!begun) return;
    const uploadId = /<UploadId>(.*?)</.exec(begun.body.toString())![1]!;
    const call = history.call(source, 'part-copy');
    const headers = { 'x-obs-copy-source': sourceHeader(source) };
    const answer = await send('PUT', { key, query: { partNumber: '1', uploadId }, headers }, 200, 404);
    if (!answer) return call.lost();
    if (answer.status === 404) call.answered({ saw: held => held === null });
    else {
      const etag = /<ETag>&quot;(.*?)&quot;/.exec(answer.body.toString())![1]!;
      call.answered({ saw: held => history.mayHaveMd5(held, etag) });
    }
    await send('DELETE', { key, query: { uploadId } }, 204);
  }

  /** A sender that gives up in the middle: its object must never be seen. */
  async function tear(key: string): Promise<void> {
    const body = random.bytes(100_000 + random.below(1_500_000));
    const value = 'torn';
    await deps
      .send('PUT', { bucket, key, body, headers: { 'x-obs-meta-op': value }, tornAt: random.below(body.length) })
      .then(answer => assert.fail(`half an object was answered with ${answer.status}`))
      .catch(error => {
        if (error instanceof assert.AssertionError) throw error;
      });
  }

  while (!life.over) {
    const key = random.pick(KEYS);
    const other = random.pick(KEYS);
    await random.pick([
      () => put(key, false),
      () => put(key, false),
      () => put(key, false),
      () => put(key, true),
      () => get(key),
      () => get(key),
      () => get(key),
      () => getRange(key),
      () => remove(key),
      () => remove(key),
      list,
      () => copy(other, key),
      () => copy(other, key),
      () => multipart(key),
      () => copyPart(other, key),
      () => tear(key),
    ])();
  }
}
