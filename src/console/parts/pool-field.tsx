import { Form, Select } from 'antd';
import { type ReactNode, useEffect } from 'react';
import { listPools } from '../../resources/pools/pool.api.ts';
import { useCall } from '../call.ts';
import { useSettings } from '../settings.ts';
import { type TextKey, useTexts } from '../texts/index.ts';
import { Awaited } from './awaited.tsx';
import { textOf } from './facts.tsx';
import { inPool, useDenial } from './gated.tsx';
import { displayName } from './resources.ts';
import { useWhy } from './why.ts';

type JobType = 'Train' | 'Infer' | 'Notebook';

function usePools() {
  const { workspace } = useSettings();
  return useCall(listPools, { query: { workspaceId: workspace } });
}

/** The dedicated pools of the workspace that take work of a kind; undefined while they are not known. */
export function usePoolsFor(type: JobType) {
  return usePools().data?.items.filter(
    pool => pool.spec.scope.includes(type) && textOf(pool.status, 'phase') === 'Running',
  );
}

/**
 * The field `pool` of a form: the public pool (empty), or the id of a dedicated one. Who may not use the public pool for `action` sees it
 * disabled, with the reason, and a dedicated one is chosen.
 */
export function PoolField({ type, action, help }: { type: JobType; action: string; help: TextKey }) {
  const t = useTexts();
  const why = useWhy();
  const form = Form.useFormInstance();
  const chosen: string | undefined = Form.useWatch('pool', form);
  const read = usePools();
  const pools = usePoolsFor(type);
  const publicDenial = useDenial(action, inPool('public'));
  const dedicatedDenial = useDenial(action, inPool('dedicated'));
  const first = dedicatedDenial === undefined ? pools?.[0]?.metadata.name : undefined;
  useEffect(() => {
    if (publicDenial !== undefined && !chosen) form.setFieldValue('pool', first);
  }, [form, chosen, publicDenial, first]);
  const extra: ReactNode =
    publicDenial === undefined ? (
      t(help)
    ) : (
      <>
        {t('publicPoolDenied', { reason: publicDenial })} {pools?.length === 0 && t('noPoolToUse')}
        <div>
          <a href={why({ action, context: { ...inPool('public') } })}>{t('whyDenied')}</a>
        </div>
      </>
    );
  return (
    <Form.Item
      name="pool"
      label={t('pool')}
      extra={
        <>
          {extra}
          {!pools && read.error && <Awaited error={read.error} refetch={read.refetch} />}
        </>
      }
      rules={publicDenial === undefined ? [] : [{ required: true, message: t('required') }]}
    >
      <Select
        loading={read.isLoading}
        options={[
          { value: '', label: t('publicPool'), disabled: publicDenial !== undefined, title: publicDenial },
          ...(pools ?? []).map(pool => ({
            value: pool.metadata.name,
            label: displayName(pool),
            disabled: dedicatedDenial !== undefined,
            title: dedicatedDenial,
          })),
        ]}
      />
    </Form.Item>
  );
}
