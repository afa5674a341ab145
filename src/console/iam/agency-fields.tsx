import { Form, Input, InputNumber, Radio } from 'antd';
import { createAgency, deleteAgency } from '../../resources/iam/policy.api.ts';
import { call, changed } from '../call.ts';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { textOf } from '../parts/facts.tsx';
import { useRules } from '../parts/rules.ts';
import { type T, useTexts } from '../texts/index.ts';

/** The name by which an agency trusts the platform, as on the real service. */
const PLATFORM = 'op_svc_modelarts';

export interface AgencyValues {
  name?: string;
  trust: 'service' | 'account';
  account?: string;
  description?: string;
  life: 'FOREVER' | 'ONEDAY' | 'days';
  days?: number;
}

/** The fields of an agency; the name stays as it is made. */
export function AgencyFields({ isNew = false }: { isNew?: boolean }) {
  const t = useTexts();
  const rules = useRules(createAgency);
  const form = Form.useFormInstance<AgencyValues>();
  const trust = Form.useWatch('trust', form);
  const life = Form.useWatch('life', form);
  const required = { required: true, message: t('required') };
  return (
    <>
      {isNew && (
        <Form.Item name="name" label={t('name')} rules={rules('agency', 'name')}>
          <Input autoFocus maxLength={64} />
        </Form.Item>
      )}
      <Form.Item name="trust" label={t('trusted')}>
        <Radio.Group
          options={[
            { value: 'service', label: t('trustsModelArts') },
            { value: 'account', label: t('trustsAccount') },
          ]}
        />
      </Form.Item>
      {trust === 'account' && (
        <Form.Item name="account" label={t('trustedAccount')} extra={t('trustedAccountHelp')} rules={[required]}>
          <Input maxLength={64} />
        </Form.Item>
      )}
      <Form.Item name="life" label={t('validity')}>
        <Radio.Group
          options={[
            { value: 'FOREVER', label: t('forEver') },
            { value: 'ONEDAY', label: t('oneDay') },
            { value: 'days', label: t('someDays') },
          ]}
        />
      </Form.Item>
      {life === 'days' && (
        <Form.Item name="days" label={t('days')} rules={[required]}>
          <InputNumber min={1} max={3650} precision={0} />
        </Form.Item>
      )}
      <Form.Item name="description" label={t('description')} rules={rules('agency', 'description')}>
        <Input maxLength={255} />
      </Form.Item>
    </>
  );
}

/** What the form says, as the operations take it. */
export function agencyBody({ trust, account = '', life, days, description = '' }: AgencyValues) {
  return {
    trust_domain_name: trust === 'service' ? PLATFORM : account,
    duration: life === 'days' ? String(days) : life,
    description,
  };
}

/** An agency as the form shows it. Its life is told in hours. */
export function agencyValues(agency: unknown): AgencyValues {
  const trusted = textOf(agency, 'trust_domain_name');
  const hours = textOf(agency, 'duration');
  return {
    trust: trusted === PLATFORM ? 'service' : 'account',
    ...(trusted === PLATFORM ? {} : { account: trusted }),
    description: textOf(agency, 'description'),
    ...(hours === 'FOREVER' ? { life: hours } : { life: 'days', days: Number(hours) / 24 }),
  };
}

export function trustText(agency: unknown): string {
  const trusted = textOf(agency, 'trust_domain_name');
  return trusted === PLATFORM ? 'ModelArts' : trusted;
}

export function durationText(t: T, agency: unknown): string {
  const hours = textOf(agency, 'duration');
  return hours === 'FOREVER' ? t('forEver') : t('countDays', { count: Number(hours) / 24 });
}

export function DeleteAgency(props: { agency: unknown; close: () => void; after?: () => Promise<void> }) {
  const { agency, close, after } = props;
  const t = useTexts();
  const name = textOf(agency, 'name');
  return (
    <ConfirmByName
      title={t('deleteAgency', { name })}
      help={t('deleteAgencyHelp')}
      name={name}
      close={close}
      run={async () => {
        await call(deleteAgency, { params: { agency_id: textOf(agency, 'id') } });
        await after?.(); // first, as the page of what is gone would ask for it
        await changed('iam');
      }}
    />
  );
}
