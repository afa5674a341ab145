import { Link } from '@tanstack/react-router';
import { Alert, Button, Form, Input, InputNumber, Select } from 'antd';
import { useRef, useState } from 'react';
import type { showAlgorithm } from '../../resources/algorithms/algorithm.api.ts';
import { showTrainingJobFlavors } from '../../resources/training-jobs/catalog.api.ts';
import { checkTrainingJob, createTrainingJob, type showTrainingJob } from '../../resources/training-jobs/job.api.ts';
import type { BodyOf, ResponseOf } from '../../wire/operation.ts';
import { call, changed, useCall } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { CreateForm } from '../parts/create-form.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { textOf } from '../parts/facts.tsx';
import { PoolField } from '../parts/pool-field.tsx';
import { useRules } from '../parts/rules.ts';
import { untilRead } from '../parts/until-read.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';
import { type Code, CodeFields, codeBody, codeOf, listOf, type Pair, Pairs } from './code-fields.tsx';

type Job = ResponseOf<typeof showTrainingJob>;
type Algorithm = ResponseOf<typeof showAlgorithm>;
type Body = BodyOf<typeof createTrainingJob>;

const CREATE = 'modelarts:trainJob:create';

interface Values extends Code {
  name: string;
  description?: string;
  parameters?: Pair[];
  inputs?: Pair[];
  outputs?: Pair[];
  variables?: Pair[];
  pool: string;
  flavor?: string;
  nodes?: number;
  autoStop?: number;
}

/**
 * A training job: of own code, or of `algorithm`; filled in as `before` was where that is given. It is checked before anything is created: on
 * request, and with creating.
 */
export function JobForm({ algorithm, before }: { algorithm?: Algorithm; before?: Job }) {
  const t = useTexts();
  const goOn = useGoOn();
  const rules = useRules(createTrainingJob);
  const { workspace } = useSettings();
  const [form] = Form.useForm<Values>();
  const [checked, setChecked] = useState<'busy' | 'ready' | { failure: unknown }>();
  /** How often values changed or were asked about: an answer about older ones is not shown. */
  const turn = useRef(0);
  const flavors = useCall(showTrainingJobFlavors);
  const inPool = Form.useWatch('pool', form);
  const must = [{ required: true, message: t('required') }];
  const body = (values: Values) => bodyOf(values, workspace, algorithm, before);

  async function check(): Promise<void> {
    forget();
    const asked = turn.current;
    const values = await form.validateFields().catch(() => undefined);
    if (!values || asked !== turn.current) return;
    setChecked('busy');
    const answer = await call(checkTrainingJob, { body: body(values) }).then(
      () => 'ready' as const,
      failure => ({ failure }),
    );
    if (asked === turn.current) setChecked(answer);
  }
  function forget(): void {
    turn.current += 1;
    setChecked(undefined);
  }
  async function create(values: Values): Promise<void> {
    forget();
    const job = await call(createTrainingJob, { body: body(values) });
    await changed('training-jobs');
    await goOn({ to: '/training/jobs/$jobId', params: { jobId: job.metadata.id } });
  }

  return (
    <CreateForm<Values>
      form={form}
      initialValues={valuesOf(algorithm, before)}
      send={create}
      action={CREATE}
      submit={t('create')}
      failed={t('notReady')}
      beside={
        <Button loading={checked === 'busy'} onClick={() => void check()}>
          {t('checkFirst')}
        </Button>
      }
      onChange={forget}
    >
      <Form.Item name="name" label={t('name')} rules={rules('metadata', 'name')}>
        <Input autoFocus maxLength={64} />
      </Form.Item>
      <Form.Item name="description" label={t('description')} rules={rules('metadata', 'description')}>
        <Input.TextArea rows={2} />
      </Form.Item>
      {algorithm ? (
        <p>
          {t('algorithm')}:{' '}
          <Link to="/training/algorithms/$algorithmId" params={{ algorithmId: algorithm.metadata.id }}>
            {algorithm.metadata.name}
          </Link>
        </p>
      ) : (
        <CodeFields form={form} />
      )}
      <Pairs name="parameters" add="addParameter" first="name" second="parameterValue" optional />
      <Pairs name="inputs" add="addInput" first="channelName" second="pathInBucket" paths />
      <Pairs name="outputs" add="addOutput" first="channelName" second="pathInBucket" paths />
      <Pairs name="variables" add="variables" first="name" second="environment" />
      <PoolField type="Train" action={CREATE} help="jobPoolHelp" />
      <div className="row">
        <Form.Item
          name="flavor"
          label={t('flavor')}
          rules={inPool ? [] : must}
          {...(inPool ? { extra: t('wholeNode') } : {})}
        >
          <Select
            allowClear={Boolean(inPool)}
            {...untilRead(flavors)}
            options={flavors.data?.flavors.map(each => ({
              value: String(each.flavor_id),
              label: String(each.flavor_name),
            }))}
          />
        </Form.Item>
        <Form.Item name="nodes" label={t('nodes')} rules={rules('spec', 'resource', 'node_count')}>
          <InputNumber min={1} precision={0} style={{ width: '100%' }} />
        </Form.Item>
        <Form.Item name="autoStop" label={t('autoStop')} rules={rules('spec', 'auto_stop', 'duration')}>
          <InputNumber min={1} precision={0} style={{ width: '100%' }} />
        </Form.Item>
      </div>
      <div aria-live="polite">
        {checked === 'ready' && <Alert type="success" showIcon title={t('checked')} />}
        {typeof checked === 'object' && <ErrorView error={checked.failure} title={t('notReady')} />}
      </div>
    </CreateForm>
  );
}

/** Name and value of the members of a list. What a job gives comes before what its algorithm declares. */
function pairsOf(member: string, value: (each: unknown) => string, ...sources: unknown[]): Pair[] {
  const found = new Map<string, string>();
  for (const source of sources) {
    for (const each of listOf(source, member)) {
      const name = textOf(each, 'name');
      if (!found.has(name)) found.set(name, value(each));
    }
  }
  return [...found].map(([name, text]) => ({ name, value: text }));
}

function valuesOf(algorithm: Algorithm | undefined, before: Job | undefined): Record<string, unknown> {
  const sources = [before?.algorithm, algorithm?.job_config];
  const url = (channel: unknown) => textOf(channel, 'remote', 'obs', 'obs_url');
  const stop = Number(textOf(before?.spec, 'auto_stop', 'duration'));
  const flavor = textOf(before?.spec, 'resource', 'flavor_id');
  return {
    ...(before ? { name: nextName(before.metadata.name), description: before.metadata.description } : {}),
    ...codeOf(before?.algorithm ?? algorithm?.job_config),
    parameters: pairsOf('parameters', each => textOf(each, 'value'), ...sources),
    inputs: pairsOf('inputs', url, ...sources),
    outputs: pairsOf('outputs', url, ...sources),
    variables: Object.entries((before?.algorithm.environments ?? {}) as Record<string, unknown>).map(
      ([name, value]) => ({ name, value: String(value) }),
    ),
    pool: textOf(before?.spec, 'resource', 'pool_id'),
    ...(flavor ? { flavor } : {}),
    nodes: Number(textOf(before?.spec, 'resource', 'node_count')) || 1,
    ...(stop ? { autoStop: stop } : {}),
  };
}

/** `digits` and `digits-2` become `digits-2` and `digits-3`. */
function nextName(name: string): string {
  const [, stem = name, number = '1'] = /^(.*)-(\d{1,4})$/.exec(name) ?? [];
  const end = `-${Number(number) + 1}`;
  return stem.slice(0, 64 - end.length) + end;
}

/** Of a job that is rebuilt, what the form does not show. */
const KEPT = {
  algorithm: ['local_code_dir', 'working_dir', 'summary'],
  spec: ['volumes', 'log_export_path', 'schedule_policy', 'notification'],
} as const;

function kept(before: Job | undefined, part: 'algorithm' | 'spec'): Record<string, unknown> {
  const from = before?.[part] ?? {};
  return Object.fromEntries(KEPT[part].flatMap(name => (from[name] === undefined ? [] : [[name, from[name]]])));
}

function bodyOf(values: Values, workspace_id: string, algorithm: Algorithm | undefined, before: Job | undefined): Body {
  const { name, description = '', pool, flavor, nodes = 1, autoStop } = values;
  const old = (member: string, name: string, ...names: string[]) => {
    const found = listOf(before?.algorithm, member).find(each => each.name === name) ?? {};
    return Object.fromEntries(names.flatMap(each => (found[each] === undefined ? [] : [[each, found[each]]])));
  };
  const channels = (member: 'inputs' | 'outputs') =>
    (values[member] ?? []).map(({ name, value = '' }) => ({
      ...old(member, name, 'description', 'access_method', 'prefetch_to_local'),
      name,
      remote: { obs: { obs_url: value } },
    }));
  return {
    kind: 'job',
    metadata: { name, description, workspace_id, ...(before ? { annotations: before.metadata.annotations } : {}) },
    algorithm: {
      ...kept(before, 'algorithm'),
      ...(algorithm ? { id: algorithm.metadata.id } : codeBody(values, before?.algorithm)),
      parameters: (values.parameters ?? []).map(({ name, value = '' }) => ({ name, value })),
      inputs: channels('inputs'),
      outputs: channels('outputs'),
      environments: Object.fromEntries((values.variables ?? []).map(({ name, value = '' }) => [name, value])),
    },
    spec: {
      ...kept(before, 'spec'),
      resource: {
        ...(flavor ? { flavor_id: flavor } : {}),
        ...(pool ? { pool_id: pool } : {}),
        node_count: nodes,
      },
      ...(autoStop ? { auto_stop: { time_unit: 'HOURS', duration: autoStop } } : {}),
    },
  };
}
