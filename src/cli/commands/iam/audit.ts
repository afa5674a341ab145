import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../../../client/session.ts';
import * as auditApi from '../../../resources/audit/audit.api.ts';
import type { Leaf } from '../../leaves.ts';
import { badArgument, wholeNumber } from '../../options.ts';
import { printRows } from '../../output.ts';

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3600_000, d: 24 * 3600_000 };
const PAGE = 200;
const FOLLOW_MS = 2_000;

interface Trace {
  trace_id: string;
  time: number;
  trace_name: string;
  action: string;
  verdict: string;
  code: string;
  source_ip: string;
  resource_type: string;
  resource_id: string;
  request_id: string;
  user: { name: string; type: string; assumed_by?: { user: { name: string; domain: { name: string } } } };
}

/** `2h`, `30m`, `7d` as a time in milliseconds since the epoch, or an ISO time. */
function since(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count && unit) return Date.now() - Number(count) * UNITS[unit]!;
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw badArgument(`"${text}" is neither a time nor a span.`, 'Write 30m, 2h, 7d, or 2026-01-31T08:00:00Z.');
  return time;
}

function who({ user }: Trace): string {
  const real = user.assumed_by?.user;
  return real ? `${real.domain.name}/${real.name} as ${user.name}` : user.name;
}

const columns = {
  Time: (trace: Trace) => new Date(trace.time).toISOString().slice(0, 19),
  Who: who,
  What: (trace: Trace) => trace.trace_name,
  On: (trace: Trace) => (trace.resource_id ? `${trace.resource_type}/${trace.resource_id}` : ''),
  Verdict: (trace: Trace) => trace.verdict,
  Code: (trace: Trace) => trace.code,
  From: (trace: Trace) => trace.source_ip,
};

/** What was recorded, newest first, at most so many. */
async function search(session: Session, query: object, most: number): Promise<Trace[]> {
  const found: Trace[] = [];
  for (let next: string | null | undefined; next !== null && found.length < most; ) {
    const limit = Math.min(PAGE, most - found.length);
    const page = { ...query, limit, ...(next ? { next } : {}) };
    const answer = await session.call(auditApi.listTraces, { query: page });
    found.push(...(answer.traces as unknown as Trace[]));
    next = answer.meta_data.marker;
  }
  return found;
}

/** `atelier iam audit` */
export const auditLeaves: readonly Leaf[] = [
  {
    words: 'audit',
    about: 'search the audit trail: who did what, as whom, on what, with which verdict',
    options: [
      ['--user <name>', 'of this user, or on behalf of it'],
      ['--action <action>', 'that needed this action, e.g. modelarts:trainJob:create'],
      ['--operation <id>', 'of this operation, e.g. CreateTrainingJob'],
      ['--resource <id>', 'about the thing of this id'],
      ['--denied', 'refusals alone'],
      ['--since <time>', 'since a time, or for a span such as 2h', '1d'],
      ['--limit <n>', 'at most so many, newest first', '50'],
      ['--follow', 'go on with what comes; as JSON, a line each'],
    ],
    example: 'iam audit --user ann --denied --since 2h',
    operations: [auditApi.listTraces],
    async run({ session, format }, _args, options) {
      const query = {
        from: since(options.since),
        ...(options.user ? { user: options.user } : {}),
        ...(options.action ? { action: options.action } : {}),
        ...(options.operation ? { trace_name: options.operation } : {}),
        ...(options.resource ? { resource_id: options.resource } : {}),
        ...(options.denied ? { verdict: 'deny' as const } : {}),
      };
      const wanted = wholeNumber(1, 100_000)(options.limit);
      const found = await search(session, query, wanted);
      // As people read: the newest last.
      const show = (traces: readonly Trace[]) => {
        // A list without an end is one of lines.
        if (options.follow && format === 'json') {
          for (const trace of traces) process.stdout.write(`${JSON.stringify(trace)}\n`);
        } else if (traces.length > 0 || !options.follow) printRows(format, traces, columns);
      };
      show(found.reverse());
      // Records of one millisecond may come apart.
      let last = found.filter(trace => trace.time === found.at(-1)?.time);
      while (options.follow) {
        await sleep(FOLLOW_MS);
        const from = last[0]?.time ?? query.from;
        const known = new Set(last.map(trace => trace.trace_id));
        const fresh = (await search(session, { ...query, from }, Number.POSITIVE_INFINITY))
          .reverse()
          .filter(trace => !known.has(trace.trace_id));
        show(fresh);
        const newest = fresh.at(-1)?.time ?? from;
        last = [...last, ...fresh].filter(trace => trace.time === newest);
      }
    },
  },
];
