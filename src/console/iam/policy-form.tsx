import { Alert, Form, Input, Segmented } from 'antd';
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import { createCustomPolicy } from '../../resources/iam/policy.api.ts';
import type { BodyOf } from '../../wire/operation.ts';
import { useAct } from '../parts/act.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { Gated } from '../parts/gated.tsx';
import { useRules } from '../parts/rules.ts';
import { useTexts } from '../texts/index.ts';
import { type Draft, draftsOf, newDraft, read, typeOf, write } from './policy-document.ts';
import { policyLanguage } from './policy-language.ts';
import { PolicyWords } from './policy-words.tsx';
import { VisualEditor } from './visual-editor.tsx';
import './iam.css';

const JsonEditor = lazy(() => import('../parts/json-editor.tsx'));

export interface PolicyValues {
  name: string;
  description: string;
}

/** A document without what its writer chose for reading it. */
function plain(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

/**
 * A custom policy. Its text is what is kept; the visual editor shows the statements of the text and writes it, so both always say the same.
 * While the visual editor holds what is no valid policy yet, its own drafts are shown.
 */
export function PolicyForm(props: {
  initial: PolicyValues;
  text: string;
  /** What the user must be allowed to save. */
  action: string;
  saveText: string;
  save: (body: BodyOf<typeof createCustomPolicy>) => Promise<void>;
  children?: ReactNode;
}) {
  const { initial, action, saveText, save, children } = props;
  const t = useTexts();
  const rules = useRules(createCustomPolicy);
  const [form] = Form.useForm<PolicyValues>();
  const [view, setView] = useState<'visual' | 'json'>('visual');
  const [text, setText] = useState(props.text);
  /** Of the visual editor, while they are no valid policy. */
  const [unfinished, setUnfinished] = useState(() => (read(props.text).policy ? undefined : [newDraft()]));
  const [failure, setFailure] = useState<unknown>();
  const { acting, act } = useAct(setFailure);
  const lint = read(text);
  const drafts = unfinished ?? draftsOf(lint);

  const change = (next: Draft[]) => {
    const written = write(next);
    setText(written);
    setUnfinished(read(written).policy ? undefined : next);
  };
  // What others saved meanwhile is shown where nobody typed; what was typed stays.
  const before = useRef({ ...initial, text: props.text });
  // biome-ignore lint/correctness/useExhaustiveDependencies: when something was saved, not when something is typed
  useEffect(() => {
    const { text: textBefore, ...fields } = before.current;
    before.current = { ...initial, text: props.text };
    for (const name of ['name', 'description'] as const) {
      if ((form.getFieldValue(name) ?? '') === fields[name]) form.setFieldValue(name, initial[name]);
    }
    if (props.text !== textBefore && plain(text) === plain(textBefore)) {
      setText(props.text);
      setUnfinished(undefined);
    }
  }, [initial.name, initial.description, props.text]);

  const submit = () =>
    act('save', async () => {
      const values = await form.validateFields().catch(() => undefined);
      if (!values || !lint.policy) return;
      setFailure(undefined);
      await save({
        role: {
          display_name: values.name,
          description: values.description,
          type: typeOf(draftsOf(lint) ?? []),
          policy: JSON.parse(text) as Record<string, unknown>,
        },
      });
    });

  return (
    <>
      <Form<PolicyValues> className="card" form={form} layout="vertical" initialValues={initial}>
        <Form.Item name="name" label={t('policyName')} rules={rules('role', 'display_name')}>
          <Input maxLength={128} autoFocus={initial.name === ''} />
        </Form.Item>
        <Form.Item name="description" label={t('description')} style={{ margin: 0 }}>
          <Input maxLength={255} />
        </Form.Item>
      </Form>
      <div className="filters">
        <Segmented
          aria-label={t('policyView')}
          value={view}
          options={[
            { value: 'visual', label: t('visualEditor') },
            { value: 'json', label: t('requestJson') },
          ]}
          onChange={setView}
        />
        {children}
      </div>
      {view === 'json' ? (
        <div className="card">
          <Suspense fallback={<span className="bone" title={t('loading')} />}>
            <JsonEditor
              label={t('policyDocument')}
              language={policyLanguage}
              text={text}
              onChange={typed => {
                setText(typed);
                setUnfinished(undefined);
              }}
            />
          </Suspense>
        </div>
      ) : drafts ? (
        <VisualEditor drafts={drafts} onChange={change} />
      ) : (
        <Alert type="warning" showIcon title={t('jsonFirst')} />
      )}
      <div aria-live="polite">
        {/* What nobody has written yet is no mistake. */}
        {lint.error && text !== props.text && (
          <Alert
            type="error"
            showIcon
            title={t('policyInvalid')}
            description={`${lint.error.path}: ${lint.error.problem}. ${t('allowedThere', { what: lint.error.allowed })}`}
          />
        )}
        {lint.policy && (
          <section className="card" aria-label={t('inWords')}>
            <h2>{t('inWords')}</h2>
            <PolicyWords drafts={draftsOf(lint) ?? []} />
            {lint.warnings.map(({ path, message }) => (
              <Alert key={`${path} ${message}`} type="warning" showIcon title={`${path}: ${message}`} />
            ))}
          </section>
        )}
        {failure !== undefined && <ErrorView error={failure} />}
      </div>
      <div className="filters">
        <Gated action={action} type="primary" loading={acting !== undefined} disabled={!lint.policy} onClick={submit}>
          {saveText}
        </Gated>
      </div>
    </>
  );
}
