import { useNavigate, useSearch } from '@tanstack/react-router';
import { Form, Input, Segmented, Select } from 'antd';
import { useState } from 'react';
import { deleteImage, listImage, registerImage } from '../../resources/images/image.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, queryOf } from '../call.ts';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { useRules } from '../parts/rules.ts';
import { State, Time } from '../parts/words.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

type Image = ResponseOf<typeof listImage>['data'][number];
interface Search {
  name?: string | undefined;
  type?: 'BUILD_IN' | 'DEDICATED' | undefined;
}

const PAGE = 50;
const TYPES = ['BUILD_IN', 'DEDICATED'] as const;
const REGISTER = 'modelarts:image:register';

/** Images that instances and jobs can be made of: those of the platform, and the own ones. */
export default function Images() {
  const t = useTexts();
  const navigate = useNavigate();
  const { workspace } = useSettings();
  const search: Search = useSearch({ strict: false });
  const [registering, setRegistering] = useState(false);
  const [deleting, setDeleting] = useState<Image>();
  const { name, type } = search;
  const filter = (change: Search) =>
    void navigate({ to: '/images', search: { ...search, ...change } as object, replace: true });
  const query = { workspace_id: workspace, limit: PAGE, ...(name ? { name } : {}), ...(type ? { type } : {}) };
  const columns: Column<Image>[] = [
    { title: t('name'), key: 'name', width: 'minmax(190px, 3fr)', show: image => `${image.name}:${image.tag}` },
    { title: t('state'), key: 'state', width: '120px', show: image => <State value={image.status} /> },
    { title: t('organization'), key: 'organization', width: '100px', show: image => image.namespace },
    {
      title: t('imagePath'),
      key: 'imagePath',
      width: 'minmax(140px, 3fr)',
      show: image => image.status_message || image.swr_path,
    },
    {
      title: t('size'),
      key: 'size',
      width: '80px',
      show: image => (image.size > 0 ? `${(image.size / 1024 ** 3).toFixed(1)} GiB` : ''),
    },
    {
      title: t('created'),
      key: 'created',
      width: '175px',
      show: image => image.create_at > 0 && <Time at={image.create_at} />,
    },
    {
      title: t('actions'),
      key: 'actions',
      width: '90px',
      show: image =>
        image.type !== 'BUILD_IN' && (
          <Gated
            action="modelarts:image:delete"
            size="small"
            danger
            aria-label={t('deleteNamed', { name: image.name })}
            onClick={() => setDeleting(image)}
          >
            {t('delete')}
          </Gated>
        ),
    },
  ];
  return (
    <Page
      title={t('images')}
      actions={
        <Gated action={REGISTER} type="primary" onClick={() => setRegistering(true)}>
          {t('registerImage')}
        </Gated>
      }
    >
      <div className="filters">
        <Input.Search
          allowClear
          aria-label={t('searchByName')}
          placeholder={t('searchByName')}
          style={{ width: 280 }}
          defaultValue={name ?? ''}
          onChange={event => filter({ name: event.target.value || undefined })}
        />
        <Select
          aria-label={t('origin')}
          style={{ width: 170 }}
          value={type ?? ''}
          options={[
            { value: '', label: t('allImages') },
            { value: 'BUILD_IN', label: t('presetImages') },
            { value: 'DEDICATED', label: t('ownImages') },
          ]}
          onChange={chosen => filter({ type: TYPES.find(each => each === chosen) })}
        />
      </div>
      <DataTable
        key={`${workspace} ${name} ${type}`}
        label={t('images')}
        saved="images"
        columns={columns}
        pageSize={PAGE}
        page={index => queryOf(listImage, { query: { ...query, offset: index * PAGE } })}
        read={({ data, total }) => ({ items: data, count: total })}
        empty={<Empty title={t(name ? 'noMatch' : 'noImages')} help={name ? '' : t('noImagesHelp')} />}
      />
      {registering && <Register workspace={workspace} close={() => setRegistering(false)} />}
      {deleting && (
        <ConfirmByName
          title={t('deleteImage', { name: deleting.name })}
          help={t('deleteImageHelp')}
          name={deleting.name}
          close={() => setDeleting(undefined)}
          run={async () => {
            await call(deleteImage, { params: { id: deleting.id } });
            await changed('images');
          }}
        />
      )}
    </Page>
  );
}

interface Values {
  path: string;
  arch: 'X86_64' | 'AARCH64';
  description?: string;
  services: ('NOTEBOOK' | 'SSH')[];
}

function Register({ workspace, close }: { workspace: string; close: () => void }) {
  const t = useTexts();
  const rules = useRules(registerImage);
  const [form] = Form.useForm<Values>();
  const register = async ({ path, arch, description = '', services }: Values) => {
    await call(registerImage, { body: { swr_path: path, arch, description, services, workspace_id: workspace } });
    await changed('images');
  };
  return (
    <FormDialog<Values>
      title={t('registerImage')}
      help={t('registerImageHelp')}
      okText={t('create')}
      form={form}
      initial={{ arch: 'X86_64', services: ['NOTEBOOK'] }}
      run={register}
      close={close}
    >
      <Form.Item name="path" label={t('imagePath')} rules={rules('swr_path')}>
        <Input autoFocus placeholder="localhost/team/my-image:1.0" />
      </Form.Item>
      <Form.Item name="arch" label={t('architecture')}>
        <Segmented options={['X86_64', 'AARCH64']} />
      </Form.Item>
      <Form.Item name="services" label={t('usedFor')}>
        <Select
          mode="multiple"
          options={[
            { value: 'NOTEBOOK', label: 'Jupyter' },
            { value: 'SSH', label: 'SSH' },
          ]}
        />
      </Form.Item>
      <Form.Item name="description" label={t('description')} rules={rules('description')}>
        <Input.TextArea rows={2} />
      </Form.Item>
    </FormDialog>
  );
}
