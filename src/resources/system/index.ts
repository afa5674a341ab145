import { timingSafeEqual } from 'node:crypto';
import type { Registry } from 'prom-client';
import { Reply, type Route, route } from '../../http/index.ts';
import { Failure } from '../../kernel/failure.ts';
import { showLiveness, showMetrics, showOpenApi, showReadiness, verifyInference } from './system.api.ts';

export { systemOperations } from './system.api.ts';

export interface SystemDeps {
  readiness(): { ready: boolean; pid: number; version: string; checks: Record<string, unknown> };
  metrics: Registry;
  openApi: Record<string, unknown>;
  gatewayKey: string;
  /** Throws Failure (401, 403) when the signature or token is not good or its owner may not invoke the service. */
  verify(input: {
    method: string;
    path: string;
    query: string;
    headers: Record<string, string>;
    bodySha256?: string;
    serviceId: string;
  }): Promise<{ sub: string; prj: string }>;
}

const LOOPBACK = /^(::ffff:)?127\.|^::1$/;

/** What the platform says of itself, and the gateway's question. */
export function createSystem(deps: SystemDeps): { routes: Route[] } {
  const key = Buffer.from(deps.gatewayKey);

  function checkGateway(given: unknown): void {
    const text = Buffer.from(typeof given === 'string' ? given : '');
    if (text.length === key.length && timingSafeEqual(text, key)) return;
    throw new Failure({ code: 'APIGW.0101', status: 404, message: 'The API does not exist.' });
  }

  return {
    routes: [
      route(showLiveness, async () => ({ status: 'ok' })),
      route(showReadiness, async () => {
        const readiness = deps.readiness();
        return new Reply(readiness, { status: readiness.ready ? 200 : 503 });
      }),
      route(showMetrics, async call => {
        if (!LOOPBACK.test(call.remoteAddress)) {
          throw new Failure({
            code: 'ModelArts.0108',
            status: 403,
            message: 'Metrics are served to this machine alone.',
            solution: 'Scrape them from a collector on this machine.',
          });
        }
        return new Reply(await deps.metrics.metrics(), { headers: { 'Content-Type': deps.metrics.contentType } });
      }),
      route(showOpenApi, async () => deps.openApi),
      route(verifyInference, async call => {
        checkGateway(call.headers['x-atelier-key']);
        const { method, path, query, headers, bodySha256, service_id: serviceId } = call.body;
        const known = bodySha256 ? { bodySha256 } : {};
        const verdict = await deps.verify({ method, path, query, headers, ...known, serviceId });
        return { allowed: true, ...verdict };
      }),
    ],
  };
}
