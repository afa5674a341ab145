import { useSearch } from '@tanstack/react-router';
import { Form, Input, Radio, Select } from 'antd';
import { useState } from 'react';
import { modelApis } from '../../resources/models/model.api.ts';
import { listTrainingJobs, showTrainingJob } from '../../resources/training-jobs/job.api.ts';
import type { BodyOf } from '../../wire/operation.ts';
import { call, changed, useCall } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { CreateForm } from '../parts/create-form.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { Page } from '../parts/page.tsx';
import { useRules } from '../parts/rules.ts';
import { untilRead } from '../parts/until-read.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

interface Values {
  name: string;
  version: string;
  description?: string;
  source: 'job' | 'obs';
  job?: string;
  location?: string;
  type?: string;
  runtime?: string;
}

/** A version of an AI application: of what a training job made (`?job=`), or of a package in a bucket. `?model=`: a further version of that one. */
export default function CreateModel() {
  const t = useTexts();
  const { model: modelId = '', job = '' }: { model?: string; job?: string } = useSearch({ strict: false });
  const before = useCall(modelApis.show, { params: { model_id: modelId } }, { enabled: modelId !== '' });
  const { data } = before;
  return (
    <Page title={data ? t('newVersionOf', { name: data.model_name }) : t('createModel')}>
      {modelId === '' && <ModelForm known={job ? { source: 'job', job } : { source: 'job' }} />}
      {modelId !== '' && !data && <Awaited error={before.error} refetch={before.refetch} />}
      {data && (
        <ModelForm
          known={{
            name: data.model_name,
            version: nextVersion(data.model_version),
            description: data.description,
            ...(data.source_job_id
              ? { source: 'job', job: data.source_job_id }
              : { source: 'obs', location: data.source_location ?? '' }),
            ...(data.model_type ? { type: data.model_type } : {}),
            ...(data.runtime ? { runtime: data.runtime } : {}),
          }}
        />
      )}
    </Page>
  );
}

function ModelForm({ known }: { known: Partial<Values> }) {
  const t = useTexts();
  const goOn = useGoOn();
  const rules = useRules(modelApis.create);
  const { workspace } = useSettings();
  const [form] = Form.useForm<Values>();
  const source = Form.useWatch('source', form) ?? known.source;
  const type = Form.useWatch('type', form);
  const catalogue = useCall(modelApis.runtimes);
  const engines = catalogue.data?.engine_runtimes ?? [];
  const runtimes = engines.filter(engine => !type || engine.ai_engine === type).flatMap(engine => engine.runtimes);
  const must = [{ required: true, message: t('required') }];

  async function create(values: Values): Promise<void> {
    const { model_id } = await call(modelApis.create, { body: bodyOf(values, workspace) });
    await changed('models');
    await goOn({ to: '/models/$modelId', params: { modelId: model_id }, search: { tab: 'events' } });
  }

  return (
    <CreateForm<Values>
      form={form}
      initialValues={{ version: '0.0.1', ...known }}
      send={create}
      action="modelarts:model:create"
      submit={t('create')}
    >
      <div className="row">
        <Form.Item
          name="name"
          label={t('name')}
          rules={[...rules('model_name'), { pattern: /^[\w-]{1,64}$/, message: t('notebookNameRule') }]}
        >
          <Input autoFocus maxLength={64} />
        </Form.Item>
        <Form.Item
          name="version"
          label={t('version')}
          rules={[
            ...rules('model_version'),
            { pattern: /^(0|[1-9]\d?)\.(0|[1-9]\d?)\.(0|[1-9]\d?)$/, message: t('versionRule') },
          ]}
        >
          <Input />
        </Form.Item>
      </div>
      <Form.Item
        name="description"
        label={t('description')}
        rules={[{ max: 100, message: t('tooLong', { limit: 100 }) }]}
      >
        <Input.TextArea rows={2} />
      </Form.Item>
      <Form.Item name="source" label={t('source')}>
        <Radio.Group
          options={[
            { value: 'job', label: t('trainingJob') },
            { value: 'obs', label: t('packageInBucket') },
          ]}
        />
      </Form.Item>
      {source === 'job' ? (
        <Form.Item name="job" label={t('trainingJob')} extra={t('modelJobHelp')} rules={must}>
          <JobSelect />
        </Form.Item>
      ) : (
        <Form.Item name="location" label={t('pathInBucket')} extra={t('modelPackageHelp')} rules={must}>
          <Input placeholder="obs://my-bucket/package/" />
        </Form.Item>
      )}
      <div className="row">
        <Form.Item name="type" label={t('modelType')} extra={t('asPackageSays')}>
          <Select
            allowClear
            {...untilRead(catalogue)}
            options={engines.map(({ ai_engine: value }) => ({ value, label: value }))}
            onChange={() => form.setFieldsValue({ runtime: undefined } as Partial<Values>)}
          />
        </Form.Item>
        <Form.Item name="runtime" label={t('runtimeEnvironment')} extra={t('asPackageSays')}>
          <Select
            allowClear
            {...untilRead(catalogue)}
            options={[...new Set(runtimes)].map(value => ({ value, label: value }))}
          />
        </Form.Item>
      </div>
    </CreateForm>
  );
}

/** Chooses one of the jobs that have completed, by name. `value` and `onChange` are the form's. */
function JobSelect(props: { id?: string; value?: string; onChange?: (id: string) => void }) {
  const { id, value, onChange } = props;
  const { workspace } = useSettings();
  const [typed, setTyped] = useState('');
  const filters = [
    { key: 'phase', operator: 'in', value: ['Completed'] },
    ...(typed ? [{ key: 'name', operator: 'like', value: [typed] }] : []),
  ];
  const found = useCall(listTrainingJobs, { body: { workspace_id: workspace, limit: 50, filters } });
  const chosen = useCall(
    showTrainingJob,
    { params: { training_job_id: value ?? '' } },
    { enabled: value !== undefined },
  );
  const jobs = found.data?.items ?? [];
  const all = chosen.data && !jobs.some(job => job.metadata.id === value) ? [chosen.data, ...jobs] : jobs;
  return (
    <>
      <Select
        {...(id ? { id } : {})}
        {...(value ? { value } : {})}
        {...(onChange ? { onChange } : {})}
        showSearch={{ filterOption: false, onSearch: setTyped }}
        {...untilRead(found, chosen)}
        options={all.map(({ metadata }) => ({ value: metadata.id, label: metadata.name }))}
      />
      {found.error && <ErrorView error={found.error} retry={() => void found.refetch()} />}
    </>
  );
}

/** `0.0.9` becomes `0.0.10`. */
function nextVersion(version: string): string {
  const [major = '0', minor = '0', patch = '0'] = version.split('.');
  return [major, minor, Number(patch) + 1].join('.');
}

function bodyOf(values: Values, workspace_id: string): BodyOf<typeof modelApis.create> {
  const { name, version, description = '', source, job = '', location = '', type, runtime } = values;
  return {
    model_name: name,
    model_version: version,
    description,
    workspace_id,
    ...(source === 'job' ? { source_job_id: job } : { source_location: location }),
    ...(type ? { model_type: type } : {}),
    ...(runtime ? { runtime } : {}),
  };
}
