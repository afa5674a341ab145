import { Button, Form, Input, Select } from 'antd';
import { useState } from 'react';
import { createKeypair, listKeypairs } from '../../resources/key-pairs/key-pair.api.ts';
import { call, changed, useCall } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { useAct } from './act.ts';
import { Awaited } from './awaited.tsx';

/** Who may come in by SSH, and from where; nobody without a key pair. */
export interface SshAccess {
  keyPairs?: string[];
  addresses?: string[];
}

/** The member `endpoints` of an instance's body; none without a key pair. */
export function sshEndpoint({ keyPairs = [], addresses = [] }: SshAccess) {
  if (keyPairs.length === 0) return {};
  return { endpoints: [{ service: 'SSH', key_pair_names: keyPairs, allowed_access_ips: addresses }] };
}

/** Fields of a form with the values of SshAccess. */
export function SshFields() {
  const t = useTexts();
  const { data, error, refetch } = useCall(listKeypairs, {}, { live: ['key-pairs'] });
  const awaited = !data && <Awaited error={error} refetch={refetch} />;
  const options = (data?.keypairs ?? []).map(({ keypair }) => ({ value: keypair.name, label: keypair.name }));
  return (
    <>
      <div className="row">
        <Form.Item name="keyPairs" label={t('sshKeys')} extra={t('sshKeysHelp')}>
          <Select
            mode="multiple"
            allowClear
            loading={!data && !error}
            options={options}
            notFoundContent={awaited || t('noKeyPairs')}
          />
        </Form.Item>
        <Form.Item
          name="addresses"
          label={t('sshFrom')}
          extra={t('sshFromHelp')}
          rules={[{ type: 'array', max: 5, message: t('atMostAddresses') }]}
        >
          <Select mode="tags" allowClear open={false} suffixIcon={null} tokenSeparators={[',', ' ']} />
        </Form.Item>
      </div>
      {error && awaited}
      <NewKeyPair />
    </>
  );
}

/** Makes a key pair and hands its private key to the browser as a file: it is shown this once. */
function NewKeyPair() {
  const t = useTexts();
  const { acting, act } = useAct();
  const [name, setName] = useState('');
  async function make(): Promise<void> {
    const { keypair } = await call(createKeypair, { body: { keypair: { name, algorithm: 'ed25519' } } });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([keypair.private_key ?? ''], { type: 'application/x-pem-file' }));
    link.download = `${name}.pem`;
    link.click();
    URL.revokeObjectURL(link.href);
    setName('');
    await changed('key-pairs');
  }
  return (
    <div className="filters">
      <Input
        aria-label={t('newKeyPair')}
        placeholder={t('newKeyPair')}
        style={{ width: 220 }}
        value={name}
        onChange={event => setName(event.target.value)}
      />
      <Button disabled={name === ''} loading={acting === 'make'} onClick={() => act('make', make)}>
        {t('makeKeyPair')}
      </Button>
    </div>
  );
}
