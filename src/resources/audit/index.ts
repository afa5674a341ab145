import { Counter, type Registry } from 'prom-client';
import type { Audit, Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Authorizer } from '../../policy/index.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Iam } from '../iam/index.ts';
import { suggestionRoutes } from './suggestion.routes.ts';
import { suggestionService } from './suggestion.service.ts';
import { defaultRetention, type Retention, traceKeeper } from './trace.keeper.ts';
import { traceRoutes } from './trace.routes.ts';
import { traceSearch } from './trace.search.ts';
import { traceMigrations, traceStore } from './trace.store.ts';
import { traceWriter } from './trace.writer.ts';
import { recordingAuthorizer, usageRecorder } from './usage.recorder.ts';
import { usageMigrations, usageStore } from './usage.store.ts';

export { auditOperations } from './audit.api.ts';
export { defaultRetention, type Retention } from './trace.keeper.ts';

export const auditMigrations = [...traceMigrations, ...usageMigrations];

export interface AuditDeps {
  db: Database;
  clock: Clock;
  log: Log;
  metrics: Registry;
  /** Half a year and half a million records when absent. */
  retention?: Retention;
}

export interface AuditFamily {
  /** Takes the records of calls. */
  audit: Audit;
  /** The same authorizer, counting what it allows. */
  recorded(authorizer: Authorizer): Authorizer;
  routes(iam: Pick<Iam, 'user' | 'agency' | 'federatedUser'>): Route[];
  /** Begins to remove what is too old. */
  start(): void;
  /** Writes what still waits. Nothing may come after. */
  stop(): Promise<void>;
}

/** The family of the audit trail: who did what, and what of his rights he used. */
export function createAudit(deps: AuditDeps): AuditFamily {
  const { db, clock, log, metrics, retention = defaultRetention } = deps;
  const traces = traceStore(db);
  const usage = usageStore(db);
  const lostRecords = new Counter({
    name: 'atelier_audit_records_dropped_total',
    help: 'Audit records of refused calls that were lost: too many at once, or the disk did not take them',
    registers: [metrics],
  });
  const lostUses = new Counter({
    name: 'atelier_action_usage_dropped_total',
    help: 'Uses of actions that were not counted: too many different ones at once, or the disk did not take them',
    registers: [metrics],
  });
  const keeper = traceKeeper({ traces, usage, clock, log, retention });
  const writer = traceWriter({
    store: traces,
    clock,
    log,
    written: keeper.written,
    dropped: count => lostRecords.inc(count),
  });
  const recorder = usageRecorder({ store: usage, clock, log, dropped: count => lostUses.inc(count) });
  return {
    audit: writer.audit,
    recorded: authorizer => recordingAuthorizer(authorizer, recorder),
    routes: iam => [
      ...traceRoutes(traceSearch({ store: traces, clock, flush: writer.flush })),
      ...suggestionRoutes(suggestionService({ store: usage, clock, recorder, iam })),
    ],
    start: keeper.start,
    async stop() {
      await writer.stop();
      await recorder.stop();
      await keeper.stop();
    },
  };
}
