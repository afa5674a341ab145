import { Button, Input, Radio, Select } from 'antd';
import { useState } from 'react';
import { PREDICTION_BYTES } from '../../resources/console/console.api.ts';
import { modelApis } from '../../resources/models/model.api.ts';
import { useCall } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { useTexts } from '../texts/index.ts';
import { AnswerView } from './answer-view.tsx';
import { type Api, apisOf } from './apis.ts';
import { FormFields } from './form-fields.tsx';
import { type Answer, type Content, type Given, jsonOf, sendTo } from './request.ts';
import type { ShownRequest } from './snippets.ts';
import { Snippets } from './snippets-view.tsx';
import { urlOf } from './usage-guide.tsx';

/** Sends requests to a service that answers at `address` with the model `modelId`, and shows what it answers. */
export function Prediction(props: { serviceId: string; address: string; modelId: string }) {
  const t = useTexts();
  const { data: model, error, refetch } = useCall(modelApis.show, { params: { model_id: props.modelId } });
  const [chosen, setChosen] = useState(0);
  if (!model) return <Awaited error={error} refetch={refetch} />;
  const apis = apisOf(model.apis);
  return (
    <>
      {apis.length > 1 && (
        <p>
          <Select
            aria-label={t('api')}
            value={chosen}
            onChange={setChosen}
            style={{ minWidth: 240 }}
            options={apis.map((api, value) => ({ value, label: `${api.method} ${api.url}` }))}
          />
        </p>
      )}
      <Request key={chosen} api={apis[chosen]!} serviceId={props.serviceId} address={props.address} />
    </>
  );
}

function Request({ api, serviceId, address }: { api: Api; serviceId: string; address: string }) {
  const t = useTexts();
  const [kind, setKind] = useState<'form' | 'json'>(api.content ?? 'form');
  const [json, setJson] = useState(api.sample);
  const [given, setGiven] = useState<ReadonlyMap<string, Given>>(new Map());
  /** Of a model that does not say what it takes, one field of a form; tutorials mostly call it so. */
  const [own, setOwn] = useState('images');
  const [outcome, setOutcome] = useState<'busy' | { answer: Answer } | { failure: unknown }>();
  const fields = api.fields.length > 0 ? api.fields : [{ name: own, type: 'file', description: '', required: true }];
  const wrong = kind === 'json' ? faultOf(json) : undefined;
  const missing = kind === 'form' && fields.some(({ name, required }) => required && !isGiven(given.get(name)));
  const bare = api.method === 'GET';

  const content = (): Content => {
    if (bare) return { kind: 'none' };
    if (kind === 'json') return { kind, text: json };
    // Where the API takes JSON, the form is a way to write it.
    if (api.content === 'json') return { kind: 'json', text: jsonOf(fields, given) };
    return { kind, given: new Map(fields.map(({ name }) => [name, given.get(name) ?? {}])) };
  };
  const send = () => {
    setOutcome('busy');
    const limit = PREDICTION_BYTES / 1024 ** 2;
    sendTo(serviceId, api, content(), t('tooLargeFile', { limit })).then(
      answer => setOutcome({ answer }),
      failure => setOutcome({ failure }),
    );
  };
  return (
    <>
      <div className="prediction">
        <section aria-label={t('prediction')}>
          {!bare && (
            <p>
              <Radio.Group
                aria-label={t('requestKind')}
                value={kind}
                onChange={event => setKind(event.target.value)}
                options={[
                  { value: 'form', label: t('requestForm') },
                  { value: 'json', label: t('requestJson') },
                ]}
              />
            </p>
          )}
          {!bare && kind === 'form' && (
            <>
              {api.fields.length === 0 && (
                <p>
                  <label htmlFor="own-field">
                    {t('fieldName')}
                    <Input id="own-field" value={own} onChange={event => setOwn(event.target.value)} />
                  </label>
                </p>
              )}
              <FormFields
                fields={fields}
                given={given}
                change={(name, value) => setGiven(before => new Map(before).set(name, value))}
              />
            </>
          )}
          {!bare && kind === 'json' && (
            <>
              <Input.TextArea
                aria-label={t('requestBody')}
                className="mono"
                rows={12}
                spellCheck={false}
                value={json}
                status={wrong ? 'error' : ''}
                onChange={event => setJson(event.target.value)}
              />
              <p role="status" className="state bad" hidden={wrong === undefined}>
                {wrong && t('notJson', { reason: wrong })}
              </p>
            </>
          )}
          <p>
            <Button
              type="primary"
              loading={outcome === 'busy'}
              disabled={!bare && (missing || wrong !== undefined)}
              onClick={send}
            >
              {t('send')}
            </Button>
          </p>
        </section>
        <section aria-label={t('result')} aria-live="polite">
          <h2>{t('result')}</h2>
          {typeof outcome !== 'object' && <p className="soft">{t('noResult')}</p>}
          {typeof outcome === 'object' && 'failure' in outcome && (
            <ErrorView error={outcome.failure} title={t('predictionRefused')} />
          )}
          {typeof outcome === 'object' && 'answer' in outcome && <AnswerView answer={outcome.answer} />}
        </section>
      </div>
      <h2>{t('forPrograms')}</h2>
      <Snippets request={shownOf(urlOf(address, api), api.method, content())} />
    </>
  );
}

function isGiven(value: Given | undefined): boolean {
  return value?.file !== undefined || Boolean(value?.text);
}

function faultOf(json: string): string | undefined {
  try {
    JSON.parse(json);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function shownOf(url: string, method: string, content: Content): ShownRequest {
  if (content.kind !== 'form') return { url, method, content };
  const fields = [...content.given]
    .filter(([, value]) => isGiven(value))
    .map(([name, { file, text = '' }]) => (file ? { name, file: file.name } : { name, text }));
  return { url, method, content: { kind: 'form', fields } };
}
