import { Gauge, type Registry } from 'prom-client';
import type { Audit, Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Authorizer } from '../../policy/index.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Iam } from '../iam/index.ts';
import { auditRoutes } from './audit.routes.ts';
import { auditService } from './audit.service.ts';
import { auditStore } from './audit.store.ts';
import { usageRecorder } from './usage.ts';

export { auditOperations } from './audit.api.ts';
export { auditMigrations } from './audit.store.ts';

export interface AuditDeps {
  db: Database;
  clock: Clock;
  log: Log;
  metrics: Registry;
  iam: Pick<Iam, 'user' | 'agency' | 'federatedUser'>;
  /** How many days records are kept. */
  days: number;
}

export interface AuditTrail {
  routes: Route[];
  /** Writes a record: at once for what changes something, within seconds for refusals of what only looks. */
  audit: Audit;
  /** The authorizer, but the permissions it finds in use are learned, for `suggest-policy`. */
  recording(authorizer: Authorizer): Authorizer;
  start(): void;
  stop(): Promise<void>;
}

/** The family of the audit trail: who did what, as whom, with which verdict. */
export function createAudit(deps: AuditDeps): AuditTrail {
  const { clock, log, iam, days, metrics } = deps;
  const store = auditStore(deps.db);
  const usage = usageRecorder(() => clock.now());
  const service = auditService({ store, clock, log, usage, days });
  new Gauge({
    name: 'atelier_audit_dropped',
    help: 'Refused reads that were not recorded, and uses of permissions not learned, since the start: too many at once',
    registers: [metrics],
    collect() {
      this.set(service.lost() + usage.dropped());
    },
  });
  return {
    routes: auditRoutes({ service, iam, clock }),
    audit: service.audit,
    recording: usage.recording,
    start: service.start,
    stop: service.stop,
  };
}
