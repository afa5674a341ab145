import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { body, REFUSALS, type Refusal, timedOut, tooLarge } from './refusals.ts';
import { type Entry, type Instance, type Routes, type Service, serverName, serverWeights } from './routes.ts';
import { ruleLines, type Settings, shortLines } from './rules.ts';

export type { Settings };

/** One server of a backend, as configuration and running process should both have it. */
export interface Server {
  backend: string;
  name: string;
  host: string;
  port: number;
  tls: boolean;
  check: boolean;
  weight: number;
}

/** A rendered configuration. `structure` names all that only a reload can change; the rest the admin socket can. */
export interface Rendered {
  structure: string;
  config: string;
  lua: string;
  maps: Record<MapName, Map<string, string>>;
  servers: Server[];
}

export const MAP_NAMES = ['services.map', 'callers.map', 'methods.map', 'health.map'] as const;
export type MapName = (typeof MAP_NAMES)[number];

const LUA = readFileSync(new URL('./gateway.lua', import.meta.url), 'utf8');
/** The table of how long answers took. */
export const LATENCIES = 'latencies';
const STRUCTURE = '@structure@';
const DEFAULT_WORKSPACE = '0';

/** Where things lie in the gateway's directory. */
export function paths(dir: string) {
  return {
    config: join(dir, 'haproxy.cfg'),
    candidate: join(dir, 'haproxy.cfg.next'),
    lua: join(dir, 'gateway.lua'),
    pid: join(dir, 'haproxy.pid'),
    admin: join(dir, 'admin.sock'),
    relay: join(dir, 'relay.sock'),
    states: join(dir, 'servers.state'),
    routes: join(dir, 'routes.json'),
    counters: join(dir, 'counters.json'),
  };
}

/** The backend that serves a service. */
export function backendName(serviceId: string): string {
  return `svc-${serviceId}`;
}

/** Address as HAProxy reads it, IPv6 made explicit. */
export function address(server: { host: string; port: number }): string {
  return server.host.includes(':') ? `ipv6@${server.host}:${server.port}` : `${server.host}:${server.port}`;
}

/** The options of a server line, equally those of `add server`. */
export function serverOptions(server: Server): string {
  const tls = server.tls ? ' ssl verify none' : '';
  // Two connection errors of real requests take an instance out; a check every second brings it back.
  const check = server.check
    ? ' check inter 2s fastinter 500ms downinter 1s fall 3 rise 1 observe layer4 error-limit 2 on-error mark-down'
    : '';
  return `weight ${server.weight}${tls}${check} pool-purge-delay 30s`;
}

function hasHttpCheck(service: Service): boolean {
  return service.entries.some(entry => entry.healthPath !== undefined);
}

function serversOf(service: Service): Server[] {
  const weights = serverWeights(service.entries);
  const http = hasHttpCheck(service);
  const server = (entry: Entry, instance: Instance): Server => ({
    backend: backendName(service.id),
    name: serverName(entry, instance),
    host: instance.host,
    port: instance.port,
    tls: instance.tls,
    // A backend checks all its servers in one way; an entry without a health path goes unchecked beside one that has it.
    check: !http || entry.healthPath !== undefined,
    weight: weights.get(serverName(entry, instance)) ?? 0,
  });
  return service.entries.flatMap(entry => entry.instances.map(instance => server(entry, instance)));
}

function mapsOf(routes: Routes): Rendered['maps'] {
  const maps: Rendered['maps'] = {
    'services.map': new Map(),
    'callers.map': new Map(),
    'methods.map': new Map(),
    'health.map': new Map(),
  };
  for (const service of routes.services) {
    const { projectId, state, workspaceId = DEFAULT_WORKSPACE } = service;
    // A semicolon would end the command that changes the value in the running process.
    maps['services.map'].set(service.id, `${projectId}|${state}|${workspaceId}`);
    for (const method of service.methods ?? []) maps['methods.map'].set(`${service.id}|${method}`, '1');
    for (const path of service.getPaths ?? []) maps['methods.map'].set(`${service.id}|GET|${path}`, '1');
    if (service.websocket) maps['methods.map'].set(`${service.id}|WS`, '1');
    for (const entry of service.entries) {
      if (entry.healthPath !== undefined) {
        maps['health.map'].set(`${backendName(service.id)}/${entry.id}`, entry.healthPath);
      }
    }
  }
  // The generation is part of the key: a token of another generation finds nothing and is refused.
  for (const { id, projectId, workspaceId = DEFAULT_WORKSPACE, generation } of routes.callers) {
    maps['callers.map'].set(`${id}|${projectId}|${workspaceId}|${generation}`, '1');
  }
  return maps;
}

function globalLines(settings: Settings): string[] {
  const at = paths(settings.dir);
  return [
    '# Written by Atelier; changes are overwritten. Holds a secret: keep it readable by its owner alone.',
    `# To start by hand: haproxy -f ${at.config}    To reload: kill -USR2 $(cat ${at.pid})`,
    'global',
    '  default-path config',
    '  master-worker',
    '  daemon',
    `  pidfile "${at.pid}"`,
    `  stats socket "${at.admin}" mode 600 level admin expose-fd listeners`,
    '  stats timeout 60s',
    '  no strict-limits',
    '  maxconn 8000',
    `  nbthread ${Math.min(4, availableParallelism())}`,
    '  hard-stop-after 10m',
    '  mworker-max-reloads 20',
    `  tune.bufsize ${settings.bufferBytes}`,
    '  tune.maxrewrite 4096',
    `  tune.http.maxhdr 200`,
    `  setenv ATELIER_STRUCTURE ${STRUCTURE}`,
    `  server-state-file "${at.states}"`,
    `  set-var proc.token_secret str(${settings.tokenSecret.toString('base64')}),b64dec`,
    `  lua-load-per-thread "${at.lua}"`,
    '',
  ];
}

function defaultsLines(settings: Settings): string[] {
  const error = (status: number, refusal: Refusal) =>
    `  http-error status ${status} content-type application/json lf-string ${body(refusal)}`;
  return [
    'defaults',
    '  mode http',
    '  load-server-state-from-file global',
    '  timeout connect 3s',
    '  timeout client 65s',
    '  timeout http-request 30s',
    '  timeout http-keep-alive 65s',
    `  timeout server ${settings.predictTimeoutSeconds}s`,
    '  timeout queue 10s',
    '  timeout tunnel 1h',
    '  timeout check 2s',
    '  retries 2',
    '  option redispatch 1',
    '  retry-on conn-failure',
    '  http-reuse safe',
    // On a reload, idle client connections are served once more instead of being cut under a request on its way.
    '  option idle-close-on-response',
    // The one 400 that arises in mid-request is the filter's: a body without length grew too large.
    `  http-error status 400 content-type application/json hdr X-Atelier-Refused "%[var(txn.too_large)]" lf-string ${body(REFUSALS.badRequest)}`,
    error(408, REFUSALS.clientTimeout),
    error(413, tooLarge(settings.bodyLimitBytes)),
    error(500, REFUSALS.internal),
    error(502, REFUSALS.brokenAnswer),
    error(503, REFUSALS.noInstance),
    error(504, timedOut(settings.predictTimeoutSeconds)),
    '',
  ];
}

/** When a request came, in microseconds. */
const BEGAN = '  http-request set-var(txn.began) date(0,us)';

function frontendLines(settings: Settings): string[] {
  const at = paths(settings.dir);
  const listen = settings.host.includes(':') ? `ipv6@${settings.host}` : settings.host;
  return [
    'frontend gateway',
    `  bind ${listen}:${settings.port}`,
    '  unique-id-format %[uuid()]',
    '  http-request set-header X-Request-Id %[unique-id]',
    '  http-after-response set-header X-Request-Id %[unique-id]',
    '  http-after-response del-header X-Atelier-Refused',
    BEGAN,
    ...shortLines(settings),
    'frontend relayed',
    `  bind "unix@${at.relay}" mode 600 accept-proxy`,
    '  unique-id-format %[req.fhdr(x-request-id)]',
    '  http-after-response set-header X-Request-Id %[unique-id]',
    '  option http-server-close',
    // Counts bodies that announce no length.
    '  filter lua.body-limit',
    BEGAN,
    ...ruleLines(settings),
  ];
}

function latencyTable(): string[] {
  return [`backend ${LATENCIES}`, '  stick-table type string len 128 size 200k expire 1h store gpc0', ''];
}

function relayLines(settings: Settings, longest: number): string[] {
  return [
    'backend relay',
    `  timeout server ${longest + 30}s`,
    '  http-reuse never',
    `  http-response return status 413 content-type application/json lf-string ${body(tooLarge(settings.bodyLimitBytes))} if { res.hdr(X-Atelier-Refused) 1 }`,
    `  server self "unix@${paths(settings.dir).relay}" send-proxy-v2`,
    '',
  ];
}

/**
 * Counts answers by how long the instance let the caller wait for their beginning, in HAProxy's memory: a row for each entry and each
 * time, of which its first two digits and its number of digits are kept (1.2 ms and 1.23 ms are one row).
 */
function latencyLines(service: Service): string[] {
  return [
    // `field` makes text of the number; `bytes` would take the bytes of which it is made.
    '  http-response set-var(txn.took) date(0,us),sub(txn.began),field(1,e)',
    '  http-response set-var(txn.digits) var(txn.took),length',
    '  http-response set-var(txn.took) var(txn.took),bytes(0,2)',
    '  http-response set-var(txn.entry) srv_name,field(1,:)',
    `  http-response track-sc2 str(${service.id}/),concat(,txn.entry,/),concat(,txn.took,e),concat(,txn.digits) table ${LATENCIES}`,
    '  http-response sc-inc-gpc0(2)',
  ];
}

function backendHead(service: Service): string[] {
  const policy = service.policy ?? 'roundrobin';
  const lines = [`backend ${backendName(service.id)}`, `  balance ${policy}`, ...latencyLines(service)];
  if (policy === 'source') lines.push('  hash-type consistent');
  if (service.timeoutSeconds !== undefined) {
    lines.push(
      `  timeout server ${service.timeoutSeconds}s`,
      `  http-error status 504 content-type application/json lf-string ${body(timedOut(service.timeoutSeconds))}`,
    );
  }
  if (hasHttpCheck(service)) {
    lines.push(
      '  option httpchk',
      '  http-check set-var-fmt(check.who) "%[be_name]/%[srv_name,field(1,:)]"',
      `  http-check send meth GET uri-lf "%[var(check.who),map(health.map,/health)]" hdr Host localhost`,
      '  http-check expect status 200-399',
    );
  }
  return lines;
}

/** The configuration for `routes`, which must have passed checkRoutes. Deterministic: same input, same text. */
export function render(settings: Settings, routes: Routes): Rendered {
  const services = [...routes.services].sort((a, b) => (a.id < b.id ? -1 : 1));
  const longest = Math.max(settings.predictTimeoutSeconds, ...services.map(s => s.timeoutSeconds ?? 0));
  const lua = [
    `local VERIFY_URL = ${JSON.stringify(settings.verifyUrl)}`,
    `local VERIFY_KEY = ${JSON.stringify(settings.verifyKey)}`,
    `local BODY_LIMIT = ${settings.bodyLimitBytes}`,
    `local DRAIN_LIMIT = ${settings.bodyLimitBytes * 4}`,
    'local REFUSALS = {',
    ...Object.entries<Refusal>({ ...REFUSALS, tooLarge: tooLarge(settings.bodyLimitBytes) }).map(
      ([name, refusal]) =>
        `  ${name} = { status = ${refusal.status}, text = ${body(refusal).replace('%[unique-id]', '@')} },`,
    ),
    '}',
    LUA,
  ].join('\n');
  const head = [
    ...globalLines(settings),
    ...defaultsLines(settings),
    ...frontendLines(settings),
    ...relayLines(settings, longest),
    ...latencyTable(),
  ];
  const blocks = services.map(service => ({ head: backendHead(service), servers: serversOf(service) }));
  const structure = createHash('sha256')
    .update(JSON.stringify([head, lua, blocks.map(block => block.head)]))
    .digest('hex')
    .slice(0, 32);
  const text = [
    ...head,
    ...blocks.flatMap(block => [
      ...block.head,
      ...block.servers.map(server => `  server ${server.name} ${address(server)} ${serverOptions(server)}`),
      '',
    ]),
  ].join('\n');
  return {
    structure,
    config: text.replace(STRUCTURE, structure),
    lua,
    maps: mapsOf(routes),
    servers: blocks.flatMap(block => block.servers),
  };
}
