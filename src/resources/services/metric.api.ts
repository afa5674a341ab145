import { operation, workspaceOfQuery } from '../../wire/operation.ts';
import { oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

/** Seconds. */
export const METRIC_PERIODS = ['1', '60', '300', '1200', '3600', '14400', '86400'] as const;
export const METRIC_FILTERS = ['average', 'variance', 'min', 'max', 'sum'] as const;
/** As many as the service takes (`BatchListMetricData`). */
const MOST_METRICS = 500;
const LATEST = Number.MAX_SAFE_INTEGER;

const text = Type.Optional(Type.String());
const workspace_id = text;

const metrics = {
  family: 'services',
  errors: 'modelarts',
  // Cloud Eye's own action, or the one of the services' monitoring, which shows the same.
  action: { action: 'modelarts:service:getMonitor', or: 'ces:metricData:list' },
  /** Cloud Eye knows no workspaces; without one, services of the default workspace are shown. */
  workspace: workspaceOfQuery,
} as const;

const values = {
  average: Type.Optional(Type.Number()),
  variance: Type.Optional(Type.Number()),
  min: Type.Optional(Type.Number()),
  max: Type.Optional(Type.Number()),
  sum: Type.Optional(Type.Number()),
  timestamp: Type.Integer(),
};
const dimension = open({ name: Type.String(), value: Type.String() });

/** Cloud Eye's ShowMetricData (behaviour/inference.md 10, oam.md 1). */
export const showMetricData = operation({
  ...metrics,
  id: 'ShowMetricData',
  summary: 'Shows a metric of a service over time',
  method: 'GET',
  path: '/V1.0/{project_id}/metric-data',
  query: open({
    namespace: Type.String(),
    metric_name: Type.String(),
    'dim.0': Type.String(),
    'dim.1': text,
    filter: oneOf(METRIC_FILTERS),
    period: oneOf(METRIC_PERIODS),
    from: queryInteger(0, LATEST),
    to: queryInteger(0, LATEST),
    workspace_id,
  }),
  status: 200,
  response: open({
    datapoints: Type.Array(open({ ...values, unit: Type.String() })),
    metric_name: Type.String(),
  }),
});

/** Cloud Eye's BatchListMetricData. */
export const batchListMetricData = operation({
  ...metrics,
  id: 'BatchListMetricData',
  summary: 'Shows metrics of services over time',
  method: 'POST',
  readOnly: true,
  path: '/V1.0/{project_id}/batch-query-metric-data',
  query: open({ workspace_id }),
  body: open({
    metrics: Type.Array(
      open({
        namespace: Type.String(),
        metric_name: Type.String(),
        dimensions: Type.Array(dimension, { maxItems: 4 }),
      }),
      { maxItems: MOST_METRICS },
    ),
    period: oneOf(METRIC_PERIODS),
    filter: oneOf(METRIC_FILTERS),
    from: Type.Integer({ minimum: 0 }),
    to: Type.Integer({ minimum: 0 }),
  }),
  status: 200,
  response: open({
    metrics: Type.Array(
      open({
        namespace: Type.String(),
        metric_name: Type.String(),
        dimensions: Type.Array(dimension),
        unit: Type.String(),
        datapoints: Type.Array(open(values)),
      }),
    ),
  }),
});

export const metricOperations = [showMetricData, batchListMetricData];
