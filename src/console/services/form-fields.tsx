import { Input, Select } from 'antd';
import { useEffect, useState } from 'react';
import { useTexts } from '../texts/index.ts';
import type { ApiField } from './apis.ts';
import type { Given } from './request.ts';

/** A form as the model declares it: files with a preview, everything else as text. */
export function FormFields(props: {
  fields: readonly ApiField[];
  given: ReadonlyMap<string, Given>;
  change: (name: string, value: Given) => void;
}) {
  const { fields, given, change } = props;
  const t = useTexts();
  return fields.map(({ name, type, description, required }) => {
    const value = given.get(name);
    const label = [name, required ? t('isRequired') : '', description].filter(Boolean).join(' · ');
    if (type === 'file') {
      return (
        <p key={name}>
          <label>
            {label}
            <br />
            <input
              type="file"
              aria-label={t('fileFor', { name })}
              onChange={event => {
                const file = event.target.files?.[0];
                change(name, file ? { file } : {});
              }}
            />
          </label>
          {value?.file && <Preview file={value.file} />}
        </p>
      );
    }
    if (type === 'boolean') {
      return (
        <p key={name}>
          <label htmlFor={`field-${name}`}>{label}</label>
          <br />
          <Select
            id={`field-${name}`}
            aria-label={name}
            allowClear={!required}
            style={{ minWidth: 120 }}
            value={value?.text}
            onChange={text => change(name, text ? { text } : {})}
            options={['true', 'false'].map(each => ({ value: each, label: each }))}
          />
        </p>
      );
    }
    return (
      <p key={name}>
        <label htmlFor={`field-${name}`}>
          {label}
          <Input
            id={`field-${name}`}
            inputMode={type === 'number' || type === 'integer' ? 'decimal' : 'text'}
            value={value?.text ?? ''}
            onChange={event => change(name, { text: event.target.value })}
          />
        </label>
      </p>
    );
  });
}

/** An image as it was chosen; nothing for files that are none. */
function Preview({ file }: { file: File }) {
  const t = useTexts();
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!file.type.startsWith('image/')) return setUrl(undefined);
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url && <img src={url} alt={t('previewOf', { name: file.name })} />;
}
