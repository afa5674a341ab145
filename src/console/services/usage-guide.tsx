import { modelApis } from '../../resources/models/model.api.ts';
import { useCall } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';
import { ApiList } from './api-list.tsx';
import { type Api, apisOf } from './apis.ts';
import type { ShownRequest } from './snippets.ts';
import { Snippets } from './snippets-view.tsx';

/** How programs call the service at `address`, whose model is `modelId`. */
export function UsageGuide({ address, modelId }: { address: string; modelId: string }) {
  const t = useTexts();
  const { endpoints } = useSession();
  const { data: model, error, refetch } = useCall(modelApis.show, { params: { model_id: modelId } });
  if (!model) return <Awaited error={error} refetch={refetch} />;
  const apis = apisOf(model.apis);
  return (
    <>
      <h2>{t('apis')}</h2>
      <ApiList apis={apis} address={address} />
      <h2>{t('forPrograms')}</h2>
      <p>{t('tokenHelp', { api: endpoints.api })}</p>
      <p className="soft">{t('akskHelp')}</p>
      {apis.slice(0, 1).map(api => (
        <Snippets key={api.url} request={exampleOf(address, api)} />
      ))}
    </>
  );
}

/** Where an API is called. */
export function urlOf(address: string, api: Api): string {
  return address + (api.url === '/' ? '' : api.url);
}

function exampleOf(address: string, api: Api): ShownRequest {
  const { method, fields } = api;
  const url = urlOf(address, api);
  if (method === 'GET') return { url, method, content: { kind: 'none' } };
  if (api.content !== 'form') return { url, method, content: { kind: 'json', text: api.sample } };
  const shown = fields.map(({ name, type }) => (type === 'file' ? { name, file: 'image.png' } : { name, text: '' }));
  return { url, method, content: { kind: 'form', fields: shown } };
}
