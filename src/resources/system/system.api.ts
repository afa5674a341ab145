import { operation } from '../../wire/operation.ts';
import { anyObject, open, Type } from '../../wire/schema.ts';

const family = 'system';

export const showLiveness = operation({
  id: 'ShowLiveness',
  family,
  summary: 'Whether the process answers',
  method: 'GET',
  path: '/healthz',
  action: { public: 'supervisors have no credentials; it says nothing but that the process lives' },
  status: 200,
  response: open({ status: Type.String() }),
  errors: 'modelarts',
});

export const showReadiness = operation({
  id: 'ShowReadiness',
  family,
  summary: 'Whether the platform is ready, part by part',
  method: 'GET',
  path: '/readyz',
  action: { public: 'supervisors have no credentials; it names parts of the platform, nothing of tenants' },
  status: 200,
  response: open({ ready: Type.Boolean(), pid: Type.Integer(), version: Type.String(), checks: anyObject }),
  errors: 'modelarts',
});

export const showMetrics = operation({
  id: 'ShowMetrics',
  family,
  summary: 'Metrics of the server in Prometheus’ text format; for this machine alone',
  method: 'GET',
  path: '/metrics',
  action: { public: 'scrapers have no credentials; the handler answers the loopback interface alone' },
  status: 200,
  errors: 'modelarts',
});

export const showOpenApi = operation({
  id: 'ShowOpenApi',
  family,
  summary: 'This document',
  method: 'GET',
  path: '/openapi.json',
  action: { public: 'it describes the interface, which is public' },
  status: 200,
  response: anyObject,
  errors: 'modelarts',
});

export const verifyInference = operation({
  id: 'VerifyInference',
  family,
  summary: 'The inference gateway asks whether a call, signed or of an agency session, is genuine and allowed',
  method: 'POST',
  readOnly: true,
  path: '/internal/infer-auth',
  action: { public: 'the gateway proves itself with its own key' },
  body: open({
    method: Type.String(),
    path: Type.String(),
    query: Type.String(),
    headers: Type.Record(Type.String(), Type.String()),
    bodySha256: Type.Optional(Type.String()),
    service_id: Type.String(),
  }),
  status: 200,
  response: open({ allowed: Type.Boolean(), sub: Type.String(), prj: Type.String() }),
  errors: 'modelarts',
});

export const systemOperations = [showLiveness, showReadiness, showMetrics, showOpenApi, verifyInference];
