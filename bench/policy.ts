import assert from 'node:assert/strict';
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { newCachedEnforcer, newEnforcer, newModelFromString, StringAdapter } from 'casbin';
import { compilePolicies, decide, type NamedPolicy, type PolicyRequest, parsePolicy } from '../src/policy/index.ts';
import { type Figure, median, percentile, type Report } from './report.ts';

const SIZES = [5, 50, 1000];
const REQUESTS = 1024;
const ROUNDS = 5;
const P99_ROUNDS = 3;
const FIRSTS = 50;
const ROUND_MS = 400;
/** Enough to see a p99 of ours; a slow peer takes as many as fit into a round. */
const SAMPLES = 100_000;
/** Reading the clock after each decision would measure the clock. */
const BATCH_MS = 2;

/** One statement, in terms that each of the three languages can say. */
interface Rule {
  effect: 'Allow' | 'Deny';
  action: string;
  when?: { project: string; mfa: boolean } | { projectLike: string };
}

interface Case {
  action: string;
  project: string;
  mfa: boolean;
}

type Decider = (index: number) => boolean;

/**
 * Decisions per second on one core and p99, against Cedar and casbin on equivalent policies and the same requests. All
 * prepare policies and requests beforehand; verdicts are compared before anything is timed.
 */
export async function benchPolicy(): Promise<Report> {
  const figures: Figure[] = [];
  for (const conditions of [false, true]) {
    const rates: number[] = [];
    for (const size of SIZES) {
      const { rate, measured } = await benchSize(size, conditions);
      rates.push(rate);
      figures.push(...measured);
    }
    figures.push({
      what: `Time at 1,000 over time at 50, ${conditions ? 'with' : 'no'} conditions`,
      value: rates[1]! / rates[2]!,
      unit: '×',
      target: '< 20 × (sub-linear)',
    });
  }
  const like = likeRules(1000);
  figures.push({
    what: '1,000 statements with StringLike, which no index helps',
    value: bestRates({ ours: ours(like, requestsFor(like)) }).ours!,
    unit: '/s',
  });
  figures.push(...firstFigures(conditionalRules(1000)));
  return { bench: 'policy', figures };
}

/** What comes before the decisions above: reading and compiling policies, and the first decision of an action. */
function firstFigures(rules: readonly Rule[]): Figure[] {
  const request: PolicyRequest = { action: 'modelarts:trainJob:create', context: { 'g:ProjectName': 'project-7' } };
  const compiling: number[] = [];
  const deciding: number[] = [];
  for (let round = 0; round < FIRSTS; round++) {
    const started = performance.now();
    const compiled = compilePolicies(policiesOf(rules));
    const ready = performance.now();
    decide(compiled, request);
    compiling.push(ready - started);
    deciding.push((performance.now() - ready) * 1000);
  }
  return [
    { what: 'Reading and compiling 1,000 statements', value: median(compiling), unit: 'ms' },
    { what: 'First decision of an action that all 1,000 cover', value: median(deciding), unit: 'µs' },
  ];
}

async function benchSize(size: number, conditions: boolean): Promise<{ rate: number; measured: Figure[] }> {
  const rules = conditions ? conditionalRules(size) : plainRules(size);
  const cases = requestsFor(rules);
  const what = `${size} statements, ${conditions ? 'with' : 'no'} conditions`;
  const deciders: Record<string, Decider> = {
    ours: ours(rules, cases),
    cedar: cedar(what, rules, cases),
    casbin: await casbin(rules, cases),
  };
  assertAgreement(deciders, cases.length);
  const rates = bestRates(deciders);
  const p99 = leastP99(deciders);
  const rate = rates.ours!;
  const measured: Figure[] = [];
  for (const peer of ['cedar', 'casbin']) {
    const other = { name: peer, value: rates[peer]! };
    const target = size === 50 ? '≥ 1,000,000/s, ≥ 20 × the faster peer' : '≥ 20 × the faster peer';
    measured.push({ what, value: rate, unit: '/s', peer: other, ratio: rate / other.value, target });
  }
  for (const peer of ['cedar', 'casbin']) {
    const other = { name: peer, value: p99[peer]! };
    measured.push({ what: `${what}, p99`, value: p99.ours!, unit: 'µs', peer: other, ratio: other.value / p99.ours! });
  }
  if (!conditions) measured.push(await cachedFigure(what, rules, cases, rate));
  return { rate, measured };
}

/** Grants of single actions, every tenth a Deny. */
function plainRules(count: number): Rule[] {
  return Array.from({ length: count }, (_, i) => ({
    effect: i % 10 === 9 ? 'Deny' : 'Allow',
    action: `modelarts:type${i >> 2}:${['create', 'list', 'get', 'delete'][i % 4]}`,
  }));
}

/** All speak of the same action: nothing but their conditions tells them apart. */
function conditionalRules(count: number): Rule[] {
  return plainRules(count).map(({ effect }, i) => ({
    effect,
    action: 'modelarts:trainJob:create',
    when: { project: `project-${i}`, mfa: i % 3 !== 0 },
  }));
}

function likeRules(count: number): Rule[] {
  return conditionalRules(count).map((rule, i) => ({ ...rule, when: { projectLike: `*project-${i}` } }));
}

/** Requests of which most meet a statement and some meet none, in an order that is always the same. */
function requestsFor(rules: readonly Rule[]): Case[] {
  return Array.from({ length: REQUESTS }, (_, i) => {
    const at = (i * 7919) % (rules.length + Math.ceil(rules.length / 5));
    return { action: rules[at]?.action ?? 'modelarts:trainJob:create', project: `project-${at}`, mfa: i % 4 !== 0 };
  });
}

/** A user with many statements has them in many policies, of at most eight statements each. */
function policiesOf(rules: readonly Rule[]): NamedPolicy[] {
  const statements = rules.map(({ effect, action, when }) => ({
    Effect: effect,
    Action: [action],
    ...(when && { Condition: conditionOf(when) }),
  }));
  const policies: NamedPolicy[] = [];
  for (let at = 0; at < statements.length; at += 8) {
    const text = JSON.stringify({ Version: '1.1', Statement: statements.slice(at, at + 8) });
    policies.push({ name: `policy-${at}`, policy: parsePolicy(text).policy });
  }
  return policies;
}

function ours(rules: readonly Rule[], cases: readonly Case[]): Decider {
  const compiled = compilePolicies(policiesOf(rules));
  const requests: PolicyRequest[] = cases.map(({ action, project, mfa }) => ({
    action,
    context: { 'g:UserName': 'ann', 'g:ProjectName': project, 'g:MFAPresent': mfa },
  }));
  return index => decide(compiled, requests[index]!).verdict === 'allow';
}

function conditionOf(when: NonNullable<Rule['when']>): Record<string, unknown> {
  if ('projectLike' in when) return { StringLike: { 'g:ProjectName': [when.projectLike] } };
  return { StringEquals: { 'g:ProjectName': [when.project] }, Bool: { 'g:MFAPresent': [when.mfa] } };
}

function cedar(name: string, rules: readonly Rule[], cases: readonly Case[]): Decider {
  const text = rules.map(({ effect, action, when }) => {
    const head = `${effect === 'Allow' ? 'permit' : 'forbid'}(principal, action == Action::"${action}", resource)`;
    if (!when || 'projectLike' in when) return `${head};`;
    return `${head} when { context.project == "${when.project}" && context.mfa == ${when.mfa} };`;
  });
  const parsed = preparsePolicySet(name, { staticPolicies: text.join('\n') });
  if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed.errors));
  const calls = cases.map(({ action, project, mfa }) => ({
    principal: { type: 'User', id: 'ann' },
    action: { type: 'Action', id: action },
    resource: { type: 'Resource', id: '*' },
    context: { project, mfa },
    preparsedPolicySetId: name,
    entities: [],
  }));
  return index => {
    const answer = statefulIsAuthorized(calls[index]!);
    return answer.type === 'success' && answer.response.decision === 'allow';
  };
}

function casbinModel(rules: readonly Rule[], textOnly: boolean) {
  const conditional = rules.some(rule => rule.when) && !textOnly;
  const model = newModelFromString(`
[request_definition]
r = act${conditional ? ', ctx' : ''}
[policy_definition]
p = act, ${conditional ? 'project, mfa, ' : ''}eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act${conditional ? ' && r.ctx.project == p.project && r.ctx.mfa == p.mfa' : ''}
`);
  const lines = rules.map(({ effect, action, when }) => {
    const condition = conditional && when && 'project' in when ? `, ${when.project}, ${when.mfa}` : '';
    return `p, ${action}${condition}, ${effect.toLowerCase()}`;
  });
  return { model, adapter: new StringAdapter(lines.join('\n')), conditional };
}

/** Without its decision cache: see cachedFigure. */
async function casbin(rules: readonly Rule[], cases: readonly Case[]): Promise<Decider> {
  const { model, adapter, conditional } = casbinModel(rules, false);
  const enforcer = await newEnforcer(model, adapter);
  const requests = cases.map(({ action, project, mfa }) => ({ action, ctx: { project, mfa: String(mfa) } }));
  return index => {
    const { action, ctx } = requests[index]!;
    return conditional ? enforcer.enforceSync(action, ctx) : enforcer.enforceSync(action);
  };
}

/**
 * casbin's cached enforcer remembers verdicts by request. It helps only where requests repeat word for word, so without
 * conditions: a context with the time in it never does.
 */
async function cachedFigure(
  what: string,
  rules: readonly Rule[],
  cases: readonly Case[],
  rate: number,
): Promise<Figure> {
  const { model, adapter } = casbinModel(rules, true);
  const enforcer = await newCachedEnforcer(model, adapter);
  for (const { action } of cases) await enforcer.enforce(action);
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    let done = 0;
    while (performance.now() - started < ROUND_MS) {
      for (const { action } of cases) await enforcer.enforce(action);
      done += cases.length;
    }
    best = Math.max(best, (done / (performance.now() - started)) * 1000);
  }
  const name = 'casbin, from its cache of verdicts';
  return { what, value: rate, unit: '/s', peer: { name, value: best }, ratio: rate / best };
}

function assertAgreement(deciders: Record<string, Decider>, cases: number): void {
  let allowed = 0;
  for (let index = 0; index < cases; index++) {
    const verdicts = Object.entries(deciders).map(([name, decider]) => `${name}: ${decider(index)}`);
    assert.equal(
      new Set(verdicts.map(text => text.split(': ')[1])).size,
      1,
      `request ${index}: ${verdicts.join(', ')}`,
    );
    if (verdicts[0]?.endsWith('true')) allowed++;
  }
  assert.ok(allowed > cases / 10 && allowed < cases * 0.95, `${allowed} of ${cases} requests are allowed`);
}

/** Decisions per second: the best of several rounds (what else runs can only slow one down), which the deciders take in turn. */
function bestRates(deciders: Record<string, Decider>): Record<string, number> {
  const best: Record<string, number> = {};
  const batches = Object.fromEntries(Object.entries(deciders).map(([name, decider]) => [name, batchFor(decider)]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, decider] of Object.entries(deciders)) {
      best[name] = Math.max(best[name] ?? 0, rateOf(decider, batches[name]!, ROUND_MS));
    }
  }
  return best;
}

/** Warms a decider up and finds how many decisions take about BATCH_MS. */
function batchFor(decider: Decider): number {
  const rate = rateOf(decider, 1, ROUND_MS);
  return Math.max(1, Math.round((rate * BATCH_MS) / 1000));
}

function rateOf(decider: Decider, batch: number, milliseconds: number): number {
  const started = performance.now();
  let done = 0;
  let allowed = 0;
  let elapsed = 0;
  while (elapsed < milliseconds) {
    for (let i = 0; i < batch; i++) if (decider((done + i) % REQUESTS)) allowed++;
    done += batch;
    elapsed = performance.now() - started;
  }
  // Using the verdicts keeps the engine from leaving the work out.
  assert.ok(allowed <= done);
  return (done / elapsed) * 1000;
}

/** The time below which 99 of 100 decisions lie, in microseconds; reading the clock included. The least of the rounds. */
function leastP99(deciders: Record<string, Decider>): Record<string, number> {
  const least: Record<string, number> = {};
  for (let round = 0; round < P99_ROUNDS; round++) {
    for (const [name, decider] of Object.entries(deciders)) {
      least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, p99Of(decider));
    }
  }
  return least;
}

function p99Of(decider: Decider): number {
  const samples: number[] = [];
  const started = performance.now();
  for (let i = 0; i < SAMPLES && performance.now() - started < ROUND_MS; i++) {
    const from = performance.now();
    decider(i % REQUESTS);
    samples.push((performance.now() - from) * 1000);
  }
  return percentile(samples, 0.99);
}
