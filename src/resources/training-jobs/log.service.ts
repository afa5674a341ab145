import { createHmac, timingSafeEqual } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { type Job, nodesOf } from './job.model.ts';
import { hostPaths } from './job.paths.ts';
import type { TrainingSettings } from './job.ports.ts';
import { isTerminal, logFileName, taskIndex } from './job.ts';
import { type LogTail, logTails, readRange, sizeOf } from './log.tail.ts';

const PREVIEW_BYTES = 5 * 1024 * 1024;
const LINK_MS = 5 * 60_000;
/** Between looks at whether somebody who follows a log still may. */
const RECHECK_MS = 15_000;
const DEFAULT_LINES = 50;

export interface LinkQuery {
  /** Milliseconds since the epoch. */
  expires: number;
  disposition: 'inline' | 'attachment';
  signature: string;
}

export interface LineQuery {
  baseLine?: number | undefined;
  lines?: number | undefined;
  order?: 'asc' | 'desc' | undefined;
  pattern?: string | undefined;
}

export type LogService = ReturnType<typeof logService>;

function refuse(code: string, message: string, solution?: string, status = 400): Failure {
  return new Failure({ code: `ModelArts.${code}`, status, message, ...(solution ? { solution } : {}) });
}

/** Reading the logs of jobs (behaviour/training.md 3, 7). `read` finds a job or throws. */
export function logService(deps: {
  clock: Clock;
  dir: string;
  linkKey: Buffer;
  settings: Pick<TrainingSettings, 'logRetentionDays'>;
  read(projectId: string, jobId: string): Promise<Job>;
}) {
  const { clock, settings } = deps;
  const tails = logTails();

  async function find(
    projectId: string,
    jobId: string,
    task: string,
  ): Promise<{ job: Job; path: string; size: number; name: string }> {
    const job = await deps.read(projectId, jobId);
    const index = taskIndex(task, nodesOf(job.spec));
    const path = hostPaths(deps.dir, job.id, index).log;
    const size = await sizeOf(path);
    if (size === undefined && job.endedAt !== null) {
      const days = settings.logRetentionDays;
      if (job.endedAt < clock.now() - days * 86_400_000) {
        throw refuse(
          '2819',
          `LogFileHasCleared: the log of this job was kept for ${days} days after its end and is gone.`,
          'Set spec.log_export_path to keep logs for good.',
        );
      }
    }
    return { job, path, size: size ?? 0, name: logFileName(job.id, index) };
  }

  async function tailOf(projectId: string, jobId: string, task: string): Promise<LogTail> {
    const { path } = await find(projectId, jobId, task);
    return tails.follow(path, async () => settled(await deps.read(projectId, jobId)));
  }

  function sign(projectId: string, jobId: string, task: string, query: Omit<LinkQuery, 'signature'>): string {
    return createHmac('sha256', deps.linkKey)
      .update(['training-log', projectId, jobId, task, query.expires, query.disposition].join('\n'))
      .digest('base64url');
  }

  return {
    /** The last 5 MB, or undefined while nothing was written. */
    async preview(projectId: string, jobId: string, task: string) {
      const { path, size } = await find(projectId, jobId, task);
      if (size === 0) return undefined;
      const bytes = await readRange(path, Math.max(size - PREVIEW_BYTES, 0), size);
      const whole = size > PREVIEW_BYTES ? bytes.subarray(firstCharacter(bytes)) : bytes;
      return { content: whole.toString('utf8'), current_size: whole.length, full_size: size };
    },

    /** Path and query of a link to the whole log, good for five minutes. Throws Failure 2818 while there is none. */
    async link(projectId: string, jobId: string, task: string, disposition: LinkQuery['disposition']): Promise<string> {
      const { size } = await find(projectId, jobId, task);
      if (size === 0) {
        throw refuse(
          '2818',
          'LogFileNotGenerated: the job has not written a log yet.',
          'Try again once it is running.',
        );
      }
      const query = { expires: clock.now() + LINK_MS, disposition };
      const search = new URLSearchParams({
        expires: String(query.expires),
        disposition,
        signature: sign(projectId, jobId, task, query),
      });
      return `/v2/${projectId}/training-jobs/${jobId}/tasks/${task}/logs/download?${search}`;
    },

    /** The whole log by such a link. Throws Failure 0203 (403) when the link is not ours or has expired. */
    async download(
      projectId: string,
      jobId: string,
      task: string,
      query: LinkQuery,
    ): Promise<{ size: number; content: Readable; name: string }> {
      const expected = Buffer.from(sign(projectId, jobId, task, query));
      const given = Buffer.from(query.signature);
      const genuine = expected.length === given.length && timingSafeEqual(expected, given);
      if (!genuine || query.expires < clock.now()) {
        throw refuse(
          '0203',
          genuine ? 'The link has expired.' : 'The link is not valid.',
          'Make a new one with GET …/tasks/{task_id}/logs/url.',
          403,
        );
      }
      const { path, size, name } = await find(projectId, jobId, task);
      // As much as there is now: the log may grow while it is sent.
      return { name, size, content: size === 0 ? Readable.from([]) : createReadStream(path, { end: size - 1 }) };
    },

    /** Bytes from `offset` on, at most 1 MiB and never half a character; waits up to `waitSeconds` for the first. */
    async follow(projectId: string, jobId: string, task: string, offset: number, waitSeconds: number) {
      const tail = await tailOf(projectId, jobId, task);
      try {
        await tail.beyond(offset, { waitMs: waitSeconds * 1000 });
        const { size, finished } = tail;
        if (size <= offset) return { content: '', next_offset: Math.min(offset, size), full_size: size, finished };
        let bytes = await tail.read(offset);
        const last = finished && offset + bytes.length >= size;
        if (!last) bytes = bytes.subarray(0, lastCharacter(bytes));
        return { content: bytes.toString('utf8'), next_offset: offset + bytes.length, full_size: size, finished: last };
      } finally {
        tail.release();
      }
    },

    /**
     * The log from `offset` on as it is written, until nothing more will come; never half a character at a time. `refusal` is asked now and
     * then; a text ends it with that line.
     */
    async *stream(
      projectId: string,
      jobId: string,
      task: string,
      options: { offset: number; refusal(): Promise<string | undefined> },
    ): AsyncGenerator<Buffer> {
      const tail = await tailOf(projectId, jobId, task);
      let { offset } = options;
      let checked = performance.now();
      try {
        for (;;) {
          await tail.beyond(offset, { waitMs: RECHECK_MS });
          if (performance.now() - checked >= RECHECK_MS) {
            checked = performance.now();
            const refusal = await options.refusal();
            if (refusal !== undefined) {
              yield Buffer.from(`\n${refusal}\n`);
              return;
            }
          }
          if (tail.size <= offset) {
            if (tail.finished) return;
            continue;
          }
          const bytes = await tail.read(offset);
          const last = tail.finished && offset + bytes.length >= tail.size;
          const whole = last ? bytes : bytes.subarray(0, lastCharacter(bytes));
          offset += whole.length;
          if (whole.length > 0) yield whole;
          else await tail.beyond(offset + bytes.length, { waitMs: RECHECK_MS }); // the rest of a character is still to come
        }
      } finally {
        tail.release();
      }
    },

    /** Up to 500 lines from a line on (`asc`) or before it (`desc`), of those that hold `pattern`. */
    async lines(projectId: string, jobId: string, task: string, query: LineQuery) {
      const { job, path, size } = await find(projectId, jobId, task);
      const wanted = query.lines ?? DEFAULT_LINES;
      const order = query.order ?? 'desc';
      const picked: { number: number; text: string }[] = [];
      if (size > 0) {
        let number = 0;
        const reader = createInterface({ input: createReadStream(path, { end: size - 1 }), crlfDelay: Infinity });
        for await (const text of reader) {
          number += 1;
          if (query.pattern && !text.includes(query.pattern)) continue;
          if (query.baseLine !== undefined && (order === 'asc' ? number <= query.baseLine : number >= query.baseLine)) {
            continue;
          }
          picked.push({ number, text });
          if (order === 'asc' && picked.length === wanted) break;
          if (order === 'desc' && picked.length > wanted) picked.shift();
        }
        reader.close();
      }
      return {
        content: picked.map(line => `${line.text}\n`).join(''),
        lines: picked.length,
        start_line: String(picked[0]?.number ?? 0),
        end_line: String(picked.at(-1)?.number ?? 0),
        full_size: size,
        finished: settled(job),
      };
    },
  };
}

/** Nothing more is written to the log of such a job. */
function settled(job: Job): boolean {
  return isTerminal(job.phase);
}

/** Index of the first byte that begins a character. */
function firstCharacter(bytes: Buffer): number {
  let index = 0;
  while (index < Math.min(bytes.length, 4) && (bytes[index]! & 0xc0) === 0x80) index += 1;
  return index;
}

/** Length up to which `bytes` hold whole characters; all of it when its end is no UTF-8 anyway. */
function lastCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte < 0x80 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
