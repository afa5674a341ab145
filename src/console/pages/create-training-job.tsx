import { useNavigate } from '@tanstack/react-router';
import { Alert, Button, Form, Input, InputNumber, Select } from 'antd';
import { useState } from 'react';
import { showTrainingJobEngines, showTrainingJobFlavors } from '../../resources/training-jobs/catalog.api.ts';
import { checkTrainingJob, createTrainingJob } from '../../resources/training-jobs/job.api.ts';
import type { BodyOf } from '../../wire/operation.ts';
import { call, changed, useCall } from '../call.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { PathPicker } from '../parts/path-picker.tsx';
import { useRules } from '../parts/rules.ts';
import { useSettings } from '../settings.ts';
import { type TextKey, useTexts } from '../texts/index.ts';

interface Channel {
  name: string;
  url: string;
}

interface Values {
  name: string;
  description?: string;
  engine: string;
  codeDir: string;
  bootFile: string;
  inputs?: Channel[];
  outputs?: Channel[];
  variables?: Channel[];
  flavor: string;
  nodes?: number;
  autoStop?: number;
}

/** A training job of own code. It is checked before anything is created: on request, and with creating. */
export default function CreateTrainingJob() {
  const t = useTexts();
  const navigate = useNavigate();
  const rules = useRules(createTrainingJob);
  const { workspace } = useSettings();
  const [form] = Form.useForm<Values>();
  const [outcome, setOutcome] = useState<'busy' | 'ready' | { failure: unknown }>();
  const engines = useCall(showTrainingJobEngines).data?.items ?? [];
  const flavors = useCall(showTrainingJobFlavors).data?.flavors ?? [];

  const attempt = (work: (body: BodyOf<typeof createTrainingJob>) => Promise<unknown>) => async () => {
    const values = await form.validateFields().catch(() => undefined);
    if (!values) return;
    setOutcome('busy');
    await work(bodyOf(values, workspace)).catch(failure => setOutcome({ failure }));
  };
  const check = attempt(async body => {
    await call(checkTrainingJob, { body });
    setOutcome('ready');
  });
  const create = attempt(async body => {
    const job = await call(createTrainingJob, { body });
    await changed('training-jobs');
    await navigate({ to: '/training/jobs/$jobId', params: { jobId: job.metadata.id } });
  });
  const must = [{ required: true, message: t('required') }];

  return (
    <Page title={t('createTrainingJob')}>
      <Form<Values>
        className="card form"
        form={form}
        layout="vertical"
        initialValues={{ nodes: 1 }}
        onValuesChange={() => setOutcome(undefined)}
      >
        <Form.Item name="name" label={t('name')} rules={rules('metadata', 'name')}>
          <Input autoFocus maxLength={64} />
        </Form.Item>
        <Form.Item name="description" label={t('description')} rules={rules('metadata', 'description')}>
          <Input.TextArea rows={2} />
        </Form.Item>
        <Form.Item name="engine" label={t('engine')} rules={must}>
          <Select
            options={engines.map(engine => ({
              value: String(engine.engine_id),
              label: `${engine.engine_name} ${engine.engine_version}`,
            }))}
          />
        </Form.Item>
        <Form.Item name="codeDir" label={t('codeDir')} extra={t('codeDirHelp')} rules={must}>
          <PathPicker wants="folder" />
        </Form.Item>
        <Form.Item name="bootFile" label={t('bootFile')} extra={t('bootFileHelp')} rules={must}>
          <PathPicker wants="file" />
        </Form.Item>
        <Pairs name="inputs" add="addInput" first="channelName" second="pathInBucket" />
        <Pairs name="outputs" add="addOutput" first="channelName" second="pathInBucket" />
        <Pairs name="variables" add="variables" first="name" second="environment" />
        <div className="row">
          <Form.Item name="flavor" label={t('flavor')} rules={must}>
            <Select
              options={flavors.map(flavor => ({ value: String(flavor.flavor_id), label: String(flavor.flavor_name) }))}
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
          {outcome === 'ready' && <Alert type="success" showIcon title={t('checked')} />}
          {typeof outcome === 'object' && <ErrorView error={outcome.failure} title={t('notReady')} />}
        </div>
        <div className="filters" style={{ marginTop: 16 }}>
          <Gated action="modelarts:trainJob:create" type="primary" loading={outcome === 'busy'} onClick={create}>
            {t('create')}
          </Gated>
          <Button onClick={check}>{t('checkFirst')}</Button>
        </div>
      </Form>
    </Page>
  );
}

/** A list of two fields each. */
function Pairs(props: { name: 'inputs' | 'outputs' | 'variables'; add: TextKey; first: TextKey; second: TextKey }) {
  const { name, add, first, second } = props;
  const t = useTexts();
  const must = [{ required: true, message: t('required') }];
  return (
    <Form.List name={name}>
      {(fields, { add: more, remove }) => (
        <fieldset style={{ border: 0, margin: '0 0 16px', padding: 0 }}>
          {fields.map(field => (
            <div key={field.key} className="row">
              <Form.Item name={[field.name, 'name']} rules={must}>
                <Input aria-label={t(first)} placeholder={t(first)} />
              </Form.Item>
              <Form.Item name={[field.name, 'url']} rules={must}>
                {name === 'variables' ? (
                  <Input aria-label={t(second)} placeholder={t(second)} />
                ) : (
                  <PathPicker wants="folder" aria-label={t(second)} placeholder={t(second)} />
                )}
              </Form.Item>
              <Button
                className="narrow"
                type="text"
                aria-label={t('remove', { name: field.name + 1 })}
                onClick={() => remove(field.name)}
              >
                ×
              </Button>
            </div>
          ))}
          <Button type="dashed" onClick={() => more()}>
            + {t(add)}
          </Button>
        </fieldset>
      )}
    </Form.List>
  );
}

function bodyOf(values: Values, workspace: string): BodyOf<typeof createTrainingJob> {
  const channels = (list: Channel[] = []) => list.map(({ name, url }) => ({ name, remote: { obs: { obs_url: url } } }));
  return {
    kind: 'job',
    metadata: { name: values.name, description: values.description ?? '', workspace_id: workspace },
    algorithm: {
      code_dir: values.codeDir,
      boot_file: values.bootFile,
      engine: { engine_id: values.engine },
      inputs: channels(values.inputs),
      outputs: channels(values.outputs),
      environments: Object.fromEntries((values.variables ?? []).map(({ name, url }) => [name, url])),
    },
    spec: {
      resource: { flavor_id: values.flavor, node_count: values.nodes ?? 1 },
      ...(values.autoStop ? { auto_stop: { time_unit: 'HOURS', duration: values.autoStop } } : {}),
    },
  };
}
