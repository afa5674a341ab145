import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Tabs } from 'antd';
import { useState } from 'react';
import { deleteAlgorithm, showAlgorithm } from '../../resources/algorithms/algorithm.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, useCall } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { Facts, textOf } from '../parts/facts.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { sizeText, Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';
import { codeOf, listOf } from '../training/code-fields.tsx';

type Algorithm = ResponseOf<typeof showAlgorithm>;

interface Tree {
  name: string;
  children: Tree[];
}

/** One algorithm: what it runs, what it takes. The open tab stands in the address. */
export default function AlgorithmPage() {
  const t = useTexts();
  const { algorithmId = '' } = useParams({ strict: false });
  const { tab = 'parameters' }: { tab?: string } = useSearch({ strict: false });
  const navigate = useNavigate();
  const { data, error, refetch } = useCall(showAlgorithm, { params: { algorithm_id: algorithmId } });
  if (!data) {
    return (
      <Page title={t('algorithm')}>
        <Awaited error={error} refetch={refetch} />
      </Page>
    );
  }
  const { metadata, job_config: config } = data;
  const code = codeOf(config);
  return (
    <Page title={metadata.name} help={metadata.description} actions={<Actions algorithm={data} />}>
      <div className="card">
        <Facts
          facts={[
            code.form === 'image' ? [t('image'), code.image] : [t('engine'), code.engine],
            [t('codeDir'), code.codeDir],
            code.form === 'image'
              ? [t('command'), <code key="c">{code.command}</code>]
              : [t('bootFile'), code.bootFile],
            [t('size'), sizeText(metadata.size)],
            [t('created'), <Time key="time" at={metadata.create_time} />],
            [t('owner'), metadata.user_name],
          ]}
        />
      </div>
      <div className="card">
        <Tabs
          activeKey={tab}
          destroyOnHidden
          onChange={key =>
            void navigate({
              to: '/training/algorithms/$algorithmId',
              params: { algorithmId },
              search: { tab: key },
              replace: true,
            })
          }
          items={[
            { key: 'parameters', label: t('parameters'), children: <Parameters config={config} /> },
            { key: 'inputs', label: t('inputs'), children: <Channels config={config} kind="inputs" /> },
            { key: 'outputs', label: t('outputs'), children: <Channels config={config} kind="outputs" /> },
            {
              key: 'code',
              label: t('code'),
              children: config.code_tree ? <CodeTree trees={[config.code_tree]} /> : <None />,
            },
          ]}
        />
      </div>
    </Page>
  );
}

function Actions({ algorithm }: { algorithm: Algorithm }) {
  const t = useTexts();
  const navigate = useNavigate();
  const goOn = useGoOn();
  const [deleting, setDeleting] = useState(false);
  const { id, name } = algorithm.metadata;
  return (
    <>
      <Gated
        action="modelarts:trainJob:create"
        type="primary"
        onClick={() => void navigate({ to: '/training/jobs/create', search: { algorithm: id } })}
      >
        {t('createTrainingJob')}
      </Gated>
      <Gated
        action="modelarts:aiAlgorithm:update"
        onClick={() => void navigate({ to: '/training/algorithms/$algorithmId/edit', params: { algorithmId: id } })}
      >
        {t('edit')}
      </Gated>
      <Gated action="modelarts:aiAlgorithm:delete" danger onClick={() => setDeleting(true)}>
        {t('delete')}
      </Gated>
      {deleting && (
        <ConfirmByName
          title={t('deleteAlgorithm', { name })}
          help={t('deleteAlgorithmHelp')}
          name={name}
          close={() => setDeleting(false)}
          run={async () => {
            await call(deleteAlgorithm, { params: { algorithm_id: id } });
            await goOn({ to: '/training/algorithms' });
            await changed('algorithms');
          }}
        />
      )}
    </>
  );
}

function None() {
  return <p className="soft">{useTexts()('none')}</p>;
}

function Parameters({ config }: { config: unknown }) {
  const t = useTexts();
  const parameters = listOf(config, 'parameters');
  if (parameters.length === 0) return <None />;
  return (
    <Facts
      facts={parameters.map(each => {
        const required = (each.constraint as { required?: unknown } | undefined)?.required === true;
        const parts = [textOf(each, 'value'), textOf(each, 'constraint', 'type'), required ? t('isRequired') : ''];
        return [textOf(each, 'name'), parts.filter(Boolean).join(' · ')] as const;
      })}
    />
  );
}

function Channels({ config, kind }: { config: unknown; kind: 'inputs' | 'outputs' }) {
  const channels = listOf(config, kind);
  if (channels.length === 0) return <None />;
  return <Facts facts={channels.map(each => [textOf(each, 'name'), textOf(each, 'description')] as const)} />;
}

function CodeTree({ trees }: { trees: readonly Tree[] }) {
  return (
    <ul className="tree">
      {trees.map(({ name, children }) => (
        <li key={name}>
          {name}
          {children.length > 0 && <CodeTree trees={children} />}
        </li>
      ))}
    </ul>
  );
}
