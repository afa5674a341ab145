export type { Count, Counts } from './counters.ts';
export { NO_ENTRY } from './counters.ts';
export type { Gateway, GatewayOptions, GatewayStatus } from './gateway.ts';
export { createGateway } from './gateway.ts';
export type { Histogram, Latencies } from './latencies.ts';
export type { BalancePolicy, Caller, Entry, Instance, Routes, Service, ServiceState } from './routes.ts';
