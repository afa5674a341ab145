import { type Route, route } from '../../http/index.ts';
import { batchListMetricData, METRIC_FILTERS, showMetricData } from './metric.api.ts';
import { checkRange, datapoints, dimensionsOf, type Filter, NAMESPACE, unitOf } from './metric.ts';
import type { SampleStore } from './samples.ts';
import type { Service } from './service.ts';

interface Question {
  projectId: string;
  workspaceId: string;
  metrics: readonly {
    namespace: string;
    metric_name: string;
    dimensions: readonly { name: string; value: string }[];
  }[];
  filter: Filter;
  period: string;
  from: number;
  to: number;
}

/** As the schema has checked it. */
const filterOf = (given: unknown): Filter => METRIC_FILTERS.find(each => each === given) ?? 'average';

/** Cloud Eye's answers about services. Of what is not there, or in another workspace, there are no points. */
export function metricRoutes(deps: {
  find(projectId: string, id: string): Promise<Service | undefined>;
  samples: SampleStore;
}): Route[] {
  async function answer({ projectId, workspaceId, metrics, filter, period, from, to }: Question) {
    const periodMs = Number(period) * 1000;
    checkRange({ from, to, periodMs: Math.max(periodMs, 60_000), count: metrics.length });
    const asked = metrics.map(metric => ({
      ...metric,
      about: metric.namespace === NAMESPACE ? dimensionsOf(metric.dimensions) : undefined,
    }));
    const samples = new Map<string, Awaited<ReturnType<SampleStore['of']>>>();
    for (const id of new Set(asked.map(({ about }) => about?.serviceId))) {
      const service = id === undefined ? undefined : await deps.find(projectId, id);
      if (service?.workspaceId === workspaceId) samples.set(service.id, await deps.samples.of(service.id, from, to));
    }
    return asked.map(({ namespace, metric_name, dimensions, about }) => ({
      namespace,
      metric_name,
      dimensions: [...dimensions],
      unit: unitOf(metric_name),
      datapoints: about ? datapoints(metric_name, about, samples.get(about.serviceId) ?? [], { filter, periodMs }) : [],
    }));
  }

  return [
    route(showMetricData, async ({ projectId, workspaceId, query }) => {
      const { namespace, metric_name, from = 0, to = 0 } = query;
      const [filter, period] = [filterOf(query.filter), String(query.period)];
      const dimensions = [query['dim.0'], query['dim.1'] ?? ''].filter(Boolean).map(given => {
        const [name = '', ...value] = given.split(',');
        return { name, value: value.join(',') };
      });
      const metrics = [{ namespace, metric_name, dimensions }];
      const [metric] = await answer({ projectId, workspaceId, metrics, filter, period, from, to });
      const { unit, datapoints: points } = metric!;
      return { metric_name, datapoints: points.map(point => ({ ...point, unit })) };
    }),
    route(batchListMetricData, async ({ projectId, workspaceId, body }) => ({
      metrics: await answer({
        projectId,
        workspaceId,
        ...body,
        filter: filterOf(body.filter),
        period: String(body.period),
      }),
    })),
  ];
}
