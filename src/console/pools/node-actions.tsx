import { Button, Dropdown, Form, Input, Select } from 'antd';
import { useState } from 'react';
import { listResourceFlavors } from '../../resources/pools/catalog.api.ts';
import {
  batchResetPoolNodes,
  batchResizePoolNodes,
  showNodeTags,
  updateNodeTags,
} from '../../resources/pools/maintenance.api.ts';
import {
  batchDeletePoolNodes,
  batchDrainPoolNodes,
  batchIsolatePoolNodes,
  batchLockPoolNodes,
  batchRebootPoolNodes,
  batchReturnPoolNodes,
  batchUnlockPoolNodes,
  type listPoolNodes,
} from '../../resources/pools/node.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, useCall } from '../call.ts';
import { useAct } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { useFresh } from '../parts/fresh.ts';
import { Gated, useDenial } from '../parts/gated.tsx';
import { RemoveRow } from '../parts/remove-row.tsx';
import { untilRead } from '../parts/until-read.tsx';
import { type TextKey, useTexts } from '../texts/index.ts';

export type Node = ResponseOf<typeof listPoolNodes>['items'][number];

const UPDATE = 'modelarts:pool:update';

/** Taken of a node by name; what runs there ends. */
const ENDING = { drain: 'drainHelp', reboot: 'rebootHelp', reset: 'resetHelp', delete: 'deleteNodeHelp' } as const;
type Ending = keyof typeof ENDING;
const TEXTS: Record<Ending, TextKey> = { drain: 'drain', reboot: 'reboot', reset: 'reset', delete: 'delete' };

/** Whether nothing new is placed on a node, and whether it is kept from being deleted. */
export function stateOf({ metadata, status }: Node): { closed: boolean; locked: boolean } {
  return {
    closed: Array.isArray(status.taints) && status.taints.some(taint => /^node\.atelier\//.test(textOf(taint, 'key'))),
    locked: textOf(metadata.annotations, 'os.modelarts.node/locked.actions') !== '',
  };
}

/** What can be done with a node of a pool. */
export function NodeActions({ poolId, node }: { poolId: string; node: Node }) {
  const t = useTexts();
  const { acting, act } = useAct();
  const denial = useDenial(UPDATE);
  const [asking, setAsking] = useState<Ending | 'resize' | 'tags'>();
  const name = textOf(node.metadata, 'name');
  const { closed, locked } = stateOf(node);
  const params = { pool_name: poolId };
  const nodeNames = [name];
  const close = () => setAsking(undefined);
  const lock = { params, body: { nodeNames, actions: ['delete' as const] } };
  const direct: Record<string, () => Promise<unknown>> = {
    isolate: () => call(batchIsolatePoolNodes, { params, body: { nodeNames } }),
    return: () => call(batchReturnPoolNodes, { params, body: { nodeNames } }),
    lock: () => call(batchLockPoolNodes, lock),
    unlock: () => call(batchUnlockPoolNodes, lock),
  };
  const ending: Record<Ending, () => Promise<unknown>> = {
    drain: () => call(batchDrainPoolNodes, { params, body: { nodeNames } }),
    reboot: () => call(batchRebootPoolNodes, { params, body: { nodeNames } }),
    reset: () => call(batchResetPoolNodes, { params, body: { nodeNames } }),
    delete: () => call(batchDeletePoolNodes, { params, body: { deleteNodeNames: nodeNames } }),
  };
  const items: { key: string; label: string; danger?: boolean }[] = [
    closed ? { key: 'return', label: t('useAgain') } : { key: 'isolate', label: t('isolate') },
    locked ? { key: 'unlock', label: t('unlockNode') } : { key: 'lock', label: t('lockNode') },
    { key: 'tags', label: t('tags') },
    { key: 'resize', label: t('replaceNode') },
    ...(Object.keys(ENDING) as Ending[]).map(key => ({ key, label: t(TEXTS[key]), danger: true })),
  ];
  const choose = (key: string) => {
    const work = direct[key];
    if (!work) return setAsking(key as Ending);
    act(key, async () => {
      await work();
      // What comes next may be chosen as soon as the row shows this.
      void changed('pools');
    });
  };
  return (
    <>
      <Dropdown
        trigger={['click']}
        disabled={denial !== undefined || acting !== undefined}
        menu={{ items, onClick: ({ key }) => choose(key) }}
      >
        <span>
          <Gated
            action={UPDATE}
            className="caret"
            size="small"
            loading={acting !== undefined}
            aria-label={t('actionsOf', { name })}
          >
            {t('actions')}
          </Gated>
        </span>
      </Dropdown>
      {asking === 'tags' && <NodeTags name={name} close={close} />}
      {asking === 'resize' && <ReplaceNode poolId={poolId} name={name} close={close} />}
      {asking && asking in ENDING && (
        <ConfirmByName
          title={`${t(TEXTS[asking as Ending])}: ${name}`}
          help={t(ENDING[asking as Ending])}
          ok={t(TEXTS[asking as Ending])}
          name={name}
          close={close}
          run={async () => {
            await ending[asking as Ending]();
            await changed('pools');
          }}
        />
      )}
    </>
  );
}

function ReplaceNode({ poolId, name, close }: { poolId: string; name: string; close: () => void }) {
  const t = useTexts();
  const [form] = Form.useForm<{ flavor: string }>();
  const flavors = useCall(listResourceFlavors, {}, { live: ['workloads', 'pool-nodes'] });
  return (
    <FormDialog<{ flavor: string }>
      title={`${t('replaceNode')}: ${name}`}
      help={t('replaceNodeHelp')}
      okText={t('replaceNode')}
      form={form}
      close={close}
      run={async ({ flavor }) => {
        const nodes = [{ deleteNodeNames: [name] }];
        const body = { nodes, source: {}, target: { flavor } };
        await call(batchResizePoolNodes, { params: { pool_name: poolId }, body });
        await changed('pools');
      }}
    >
      <Form.Item name="flavor" label={t('flavor')} rules={[{ required: true, message: t('required') }]}>
        <Select
          {...untilRead(flavors)}
          options={flavors.data?.items.map(each => ({ value: textOf(each, 'metadata', 'name') }))}
        />
      </Form.Item>
    </FormDialog>
  );
}

interface Tag {
  key: string;
  value?: string;
}

function NodeTags({ name, close }: { name: string; close: () => void }) {
  const t = useTexts();
  const [form] = Form.useForm<{ tags: Tag[] }>();
  const { data, error, refetch } = useFresh(showNodeTags, { params: { node_name: name } });
  return (
    <FormDialog<{ tags: Tag[] }>
      title={t('tagsOf', { name })}
      okText={t('save')}
      form={form}
      close={close}
      run={async ({ tags = [] }) => {
        await call(updateNodeTags, { params: { node_name: name }, body: { action: 'reset', tags } });
        await changed('pools');
      }}
    >
      {data ? (
        <TagFields tags={data.tags.map(tag => ({ key: textOf(tag, 'key'), value: textOf(tag, 'value') }))} />
      ) : (
        // All tags are replaced, so that nothing is saved before they are known.
        <Form.Item name="unread" rules={[{ required: true, message: t('loading') }]}>
          <Awaited error={error} refetch={refetch} />
        </Form.Item>
      )}
    </FormDialog>
  );
}

function TagFields({ tags }: { tags: readonly Tag[] }) {
  const t = useTexts();
  return (
    <Form.List name="tags" initialValue={[...tags]}>
      {(fields, { add, remove }) => (
        <>
          {fields.map(field => (
            <div key={field.key} className="row">
              <Form.Item name={[field.name, 'key']} rules={[{ required: true, message: t('required') }]}>
                <Input aria-label={t('tagKey')} placeholder={t('tagKey')} />
              </Form.Item>
              <Form.Item name={[field.name, 'value']}>
                <Input aria-label={t('tagValue')} placeholder={t('tagValue')} />
              </Form.Item>
              <RemoveRow at={field.name} remove={remove} />
            </div>
          ))}
          <Button type="dashed" onClick={() => add()}>
            + {t('addTag')}
          </Button>
        </>
      )}
    </Form.List>
  );
}
