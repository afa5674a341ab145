import { Link } from '@tanstack/react-router';
import { Checkbox, Form, Input, InputNumber } from 'antd';
import { useState } from 'react';
import { createPool, listPools, patchPool, type showPool } from '../../resources/pools/pool.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, useCall } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { Empty } from '../parts/empty.tsx';
import { textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { displayName, NAME, WORKSPACE } from '../parts/resources.ts';
import { State } from '../parts/words.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

type Pool = ResponseOf<typeof showPool>;

interface Values {
  name: string;
  scope: string[];
  resources: { flavor: string; count: number; maxCount: number }[];
}

const CREATE = 'modelarts:pool:create';

/** The shares of a pool: each is sure of some of its nodes and may take more while they are free. */
export function SubPools({ pool }: { pool: Pool }) {
  const t = useTexts();
  const { workspace } = useSettings();
  const [making, setMaking] = useState(false);
  const id = pool.metadata.name;
  const { data, error, refetch } = useCall(
    listPools,
    { query: { workspaceId: workspace, parent: id } },
    { live: ['workloads'] },
  );
  if (!data) return <Awaited error={error} refetch={refetch} />;
  const create = () => setMaking(true);
  return (
    <>
      {data.items.length === 0 ? (
        <Empty
          title={t('noSubPools')}
          help={t('noSubPoolsHelp')}
          action={{ text: t('createSubPool'), run: create, needs: CREATE }}
        />
      ) : (
        <>
          <p>
            <Gated action={CREATE} onClick={create}>
              {t('createSubPool')}
            </Gated>
          </p>
          <ul className="plain" aria-label={t('subPools')}>
            {data.items.map(each => (
              <li key={each.metadata.name}>
                <Link to="/pools/$poolId" params={{ poolId: each.metadata.name }}>
                  {displayName(each)}
                </Link>
                <State value={textOf(each.status, 'phase')} />
                <span>{sharesText(each)}</span>
                <span className="soft">{each.spec.scope.join(', ')}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {making && <SubPoolDialog parent={pool} close={() => setMaking(false)} />}
    </>
  );
}

function sharesText(pool: Pool): string {
  return pool.spec.resources
    .map(
      each =>
        `${textOf(each, 'flavor')}: ${textOf(each, 'count')}–${textOf(each, 'maxCount') || textOf(each, 'count')}`,
    )
    .join(', ');
}

/** Makes a share of `parent`, or changes `pool`, which is one. */
export function SubPoolDialog(props: { close: () => void } & ({ parent: Pool } | { pool: Pool })) {
  const t = useTexts();
  const { workspace } = useSettings();
  const [form] = Form.useForm<Values>();
  const parent = 'parent' in props ? props.parent : undefined;
  const from = 'parent' in props ? props.parent : props.pool;
  const send = async ({ name, scope, resources }: Values) => {
    const sizes = resources.map(({ count, maxCount }, at) => ({
      flavor: textOf(from.spec.resources[at], 'flavor'),
      count,
      maxCount,
    }));
    if (parent) {
      const metadata = { labels: { [NAME]: name, [WORKSPACE]: workspace } };
      const spec = { type: 'Logical' as const, scope, parent: parent.metadata.name, resources: sizes };
      await call(createPool, { body: { apiVersion: 'v2', kind: 'Pool', metadata, spec } });
    } else {
      await call(patchPool, { params: { pool_name: from.metadata.name }, body: { spec: { resources: sizes } } });
    }
    await changed('pools');
  };
  const required = { required: true, message: t('required') };
  return (
    <FormDialog<Values>
      title={parent ? t('createSubPool') : t('scalePool', { name: displayName(from) })}
      help={t('subPoolHelp')}
      okText={t(parent ? 'create' : 'save')}
      form={form}
      initial={{
        scope: from.spec.scope,
        resources: from.spec.resources.map(each => ({
          count: parent ? 0 : Number(each.count),
          maxCount: Number(each.maxCount ?? each.count),
        })),
      }}
      run={send}
      close={props.close}
    >
      {parent && (
        <>
          <Form.Item
            name="name"
            label={t('name')}
            rules={[required, { pattern: /^[a-z][a-z0-9-]{2,23}[a-z0-9]$/, message: t('poolNameRule') }]}
          >
            <Input autoFocus maxLength={25} />
          </Form.Item>
          <Form.Item name="scope" label={t('jobTypes')} rules={[{ type: 'array', min: 1, message: t('required') }]}>
            <Checkbox.Group options={from.spec.scope} />
          </Form.Item>
        </>
      )}
      {from.spec.resources.map((each, at) => (
        <fieldset key={textOf(each, 'flavor')} className="entry">
          <legend>{textOf(each, 'flavor')}</legend>
          <div className="row">
            <Form.Item name={['resources', at, 'count']} label={t('sureNodes')} rules={[required]}>
              <InputNumber min={0} max={200} precision={0} style={{ width: '100%' }} />
            </Form.Item>
            <Form.Item name={['resources', at, 'maxCount']} label={t('mostNodes')} rules={[required]}>
              <InputNumber min={0} max={200} precision={0} style={{ width: '100%' }} />
            </Form.Item>
          </div>
        </fieldset>
      ))}
    </FormDialog>
  );
}
