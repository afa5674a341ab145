import { Button, Form, type FormInstance, Input, Radio, Select } from 'antd';
import { showTrainingJobEngines } from '../../resources/training-jobs/catalog.api.ts';
import { useCall } from '../call.ts';
import { textOf } from '../parts/facts.tsx';
import { PathPicker } from '../parts/path-picker.tsx';
import { RemoveRow } from '../parts/remove-row.tsx';
import { untilRead } from '../parts/until-read.tsx';
import { type TextKey, useTexts } from '../texts/index.ts';

/** How code is run, as forms of jobs and algorithms hold it. */
export interface Code {
  form: 'preset' | 'image';
  engine?: string | undefined;
  image?: string | undefined;
  codeDir?: string | undefined;
  bootFile?: string | undefined;
  command?: string | undefined;
}

/** Two texts of a list: a name and what belongs to it. */
export interface Pair {
  name: string;
  value?: string;
}

/** Fields of a form with the values of Code. */
export function CodeFields({ form }: { form: FormInstance }) {
  const t = useTexts();
  const own = Form.useWatch('form', form) === 'image';
  const engines = useCall(showTrainingJobEngines);
  const must = [{ required: true, message: t('required') }];
  return (
    <>
      <Form.Item name="form" label={t('bootForm')}>
        <Radio.Group
          options={[
            { value: 'preset', label: t('presetEngine') },
            { value: 'image', label: t('ownImageForm') },
          ]}
        />
      </Form.Item>
      {own ? (
        <Form.Item name="image" label={t('image')} extra={t('jobImageHelp')} rules={must}>
          <Input placeholder="localhost/team/my-image:1.0" />
        </Form.Item>
      ) : (
        <Form.Item name="engine" label={t('engine')} rules={must}>
          <Select
            {...untilRead(engines)}
            options={engines.data?.items.map(engine => ({
              value: String(engine.engine_id),
              label: `${engine.engine_name} ${engine.engine_version}`,
            }))}
          />
        </Form.Item>
      )}
      <Form.Item name="codeDir" label={t('codeDir')} extra={t('codeDirHelp')} rules={own ? [] : must}>
        <PathPicker wants="folder" />
      </Form.Item>
      {own ? (
        <Form.Item name="command" label={t('command')} extra={t('commandHelp')} rules={must}>
          <Input className="mono" placeholder="python train.py" />
        </Form.Item>
      ) : (
        <Form.Item name="bootFile" label={t('bootFile')} extra={t('bootFileHelp')} rules={must}>
          <PathPicker wants="file" />
        </Form.Item>
      )}
    </>
  );
}

/** A list of two fields each. `paths`: the second one is a folder in a bucket. */
export function Pairs(props: {
  name: string;
  add: TextKey;
  first: TextKey;
  second: TextKey;
  optional?: boolean;
  paths?: boolean;
}) {
  const { name, add, first, second, optional = false, paths = false } = props;
  const t = useTexts();
  const must = [{ required: true, message: t('required') }];
  return (
    <Form.List name={name}>
      {(fields, { add: more, remove }) => (
        <fieldset className="pairs" aria-label={t(add)}>
          {fields.map(field => (
            <div key={field.key} className="row">
              <Form.Item name={[field.name, 'name']} rules={must}>
                <Input aria-label={t(first)} placeholder={t(first)} />
              </Form.Item>
              <Form.Item name={[field.name, 'value']} rules={optional ? [] : must}>
                {paths ? (
                  <PathPicker wants="folder" aria-label={t(second)} placeholder={t(second)} />
                ) : (
                  <Input aria-label={t(second)} placeholder={t(second)} />
                )}
              </Form.Item>
              <RemoveRow at={field.name} remove={remove} />
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

/** What a job or an algorithm is made of, for the form. The wire is open, so members are looked up. */
export function codeOf(config: unknown): Code {
  const text = (...path: string[]) => textOf(config, ...path) || undefined;
  return {
    form: text('command') ? 'image' : 'preset',
    engine: text('engine', 'engine_id'),
    image: text('engine', 'image_url'),
    codeDir: text('code_dir'),
    bootFile: text('boot_file'),
    command: text('command'),
  };
}

/** The members of a request that Code stands for. An image that stands in for a preset engine's in `before` stays. */
export function codeBody(code: Code, before?: unknown) {
  const { form, engine = '', image = '', codeDir = '', bootFile = '', command = '' } = code;
  if (form === 'image') return { engine: { image_url: image }, command, ...(codeDir ? { code_dir: codeDir } : {}) };
  const own = engine === textOf(before, 'engine', 'engine_id') ? textOf(before, 'engine', 'image_url') : '';
  return {
    engine: { engine_id: engine, ...(own ? { image_url: own } : {}) },
    code_dir: codeDir,
    boot_file: bootFile,
  };
}

/** The members of a list on the wire, whatever it is. */
export function listOf(value: unknown, member: string): Record<string, unknown>[] {
  const list = (value as Record<string, unknown> | null | undefined)?.[member];
  return Array.isArray(list) ? list.filter(each => typeof each === 'object' && each !== null) : [];
}
