import { Button, Checkbox, Form, Input, Select } from 'antd';
import { changeAlgorithm, createAlgorithm, type showAlgorithm } from '../../resources/algorithms/algorithm.api.ts';
import type { BodyOf, ResponseOf } from '../../wire/operation.ts';
import { call, changed } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { CreateForm } from '../parts/create-form.tsx';
import { textOf } from '../parts/facts.tsx';
import { RemoveRow } from '../parts/remove-row.tsx';
import { useRules } from '../parts/rules.ts';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';
import { type Code, CodeFields, codeBody, codeOf, listOf, type Pair, Pairs } from './code-fields.tsx';

type Algorithm = ResponseOf<typeof showAlgorithm>;
type Body = BodyOf<typeof createAlgorithm>;

interface Parameter {
  name: string;
  value?: string;
  type: string;
  required?: boolean;
}

interface Values extends Code {
  name: string;
  description?: string;
  parameters?: Parameter[];
  more: boolean;
  inputs?: Pair[];
  outputs?: Pair[];
}

const TYPES = ['String', 'Integer', 'Float', 'Boolean'];

/** What of a job or an algorithm an algorithm begins with. */
interface Origin {
  name: string;
  description: string;
  config: Record<string, unknown>;
}

/** Makes an algorithm, empty or as `origin`; changes `algorithm` where one is given. */
export function AlgorithmForm({ algorithm, origin }: { algorithm?: Algorithm; origin?: Origin }) {
  const t = useTexts();
  const goOn = useGoOn();
  const rules = useRules(createAlgorithm);
  const { workspace } = useSettings();
  const [form] = Form.useForm<Values>();
  const given = algorithm ? { ...algorithm.metadata, config: algorithm.job_config } : origin;

  async function send(values: Values): Promise<void> {
    const { metadata } = algorithm
      ? await call(changeAlgorithm, {
          params: { algorithm_id: algorithm.metadata.id },
          body: bodyOf(values, algorithm.metadata.workspace_id, algorithm, algorithm.job_config),
        })
      : await call(createAlgorithm, { body: bodyOf(values, workspace, undefined, origin?.config) });
    await changed('algorithms');
    await goOn({ to: '/training/algorithms/$algorithmId', params: { algorithmId: metadata.id } });
  }

  return (
    <CreateForm<Values>
      form={form}
      initialValues={given ? { ...valuesOf(given) } : { form: 'preset', more: true }}
      send={send}
      action={algorithm ? 'modelarts:aiAlgorithm:update' : 'modelarts:aiAlgorithm:create'}
      submit={t(algorithm ? 'save' : 'create')}
    >
      <Form.Item
        name="name"
        label={t('name')}
        rules={[...rules('metadata', 'name'), { pattern: /^[\w-]{1,64}$/, message: t('notebookNameRule') }]}
      >
        <Input autoFocus maxLength={64} />
      </Form.Item>
      <Form.Item
        name="description"
        label={t('description')}
        rules={[{ max: 256, message: t('tooLong', { limit: 256 }) }]}
      >
        <Input.TextArea rows={2} />
      </Form.Item>
      <CodeFields form={form} />
      <h2>{t('parameters')}</h2>
      <Parameters />
      <Form.Item name="more" valuePropName="checked">
        <Checkbox>{t('moreParameters')}</Checkbox>
      </Form.Item>
      <h2>{t('inputs')}</h2>
      <Pairs name="inputs" add="addInput" first="channelName" second="description" optional />
      <h2>{t('outputs')}</h2>
      <Pairs name="outputs" add="addOutput" first="channelName" second="description" optional />
    </CreateForm>
  );
}

/** The hyperparameters that an algorithm declares, each with the value that jobs take unless they say another. */
function Parameters() {
  const t = useTexts();
  const must = [{ required: true, message: t('required') }];
  return (
    <Form.List name="parameters">
      {(fields, { add, remove }) => (
        <fieldset className="pairs" aria-label={t('parameters')}>
          {fields.map(field => (
            <div key={field.key} className="row">
              <Form.Item name={[field.name, 'name']} rules={must}>
                <Input aria-label={t('name')} placeholder={t('name')} />
              </Form.Item>
              <Form.Item name={[field.name, 'value']}>
                <Input aria-label={t('defaultValue')} placeholder={t('defaultValue')} />
              </Form.Item>
              <Form.Item className="narrow" name={[field.name, 'type']} style={{ width: 110 }}>
                <Select aria-label={t('jobType')} options={TYPES.map(value => ({ value, label: value }))} />
              </Form.Item>
              <Form.Item className="narrow" name={[field.name, 'required']} valuePropName="checked">
                <Checkbox>{t('isRequired')}</Checkbox>
              </Form.Item>
              <RemoveRow at={field.name} remove={remove} />
            </div>
          ))}
          <Button type="dashed" onClick={() => add({ type: 'String' })}>
            + {t('addParameter')}
          </Button>
        </fieldset>
      )}
    </Form.List>
  );
}

function valuesOf({ name, description, config }: Origin): Values {
  const channels = (member: string): Pair[] =>
    listOf(config, member).map(each => ({ name: textOf(each, 'name'), value: textOf(each, 'description') }));
  return {
    name,
    description,
    ...codeOf(config),
    more: config.parameters_customization !== false,
    parameters: listOf(config, 'parameters').map(each => ({
      name: textOf(each, 'name'),
      value: textOf(each, 'value'),
      type: textOf(each, 'constraint', 'type') || 'String',
      required: (each.constraint as { required?: unknown } | undefined)?.required === true,
    })),
    inputs: channels('inputs'),
    outputs: channels('outputs'),
  };
}

/** What the form does not show of `before` (ranges, ways of access, requirements) stays as it was. */
function bodyOf(values: Values, workspace_id: string, before: Algorithm | undefined, config: unknown): Body {
  const old = (member: string, name: string) => pick(listOf(config, member).find(each => each.name === name));
  const channels = (member: 'inputs' | 'outputs') =>
    (values[member] ?? []).map(({ name, value = '' }) => ({ ...old(member, name), name, description: value }));
  return {
    metadata: { name: values.name, description: values.description ?? '', workspace_id },
    job_config: {
      ...codeBody(values, config),
      parameters_customization: values.more,
      parameters: (values.parameters ?? []).map(({ name, value = '', type, required = false }) => {
        const kept = old('parameters', name);
        return { ...kept, name, value, constraint: { ...(kept.constraint ?? {}), type, required } };
      }),
      inputs: channels('inputs'),
      outputs: channels('outputs'),
    },
    ...(before
      ? {
          resource_requirements: before.resource_requirements as NonNullable<Body['resource_requirements']>,
          advanced_config: before.advanced_config,
        }
      : {}),
  };
}

/** What a parameter or a channel may be told besides; a job's channels also have paths, which an algorithm does not. */
const KEPT = ['constraint', 'i18n_description', 'access_method', 'prefetch_to_local', 'remote_constraints'];

function pick(found: Record<string, unknown> = {}): Record<string, unknown> {
  return Object.fromEntries(Object.entries(found).filter(([name]) => KEPT.includes(name)));
}
