import { Facts } from '../parts/facts.tsx';
import { useTexts } from '../texts/index.ts';
import type { Api } from './apis.ts';

/** What can be called, and with what. `address`: what stands before the paths; the paths alone when absent. */
export function ApiList({ apis, address = '' }: { apis: readonly Api[]; address?: string }) {
  const t = useTexts();
  return (
    <ul className="plain" aria-label={t('apis')}>
      {apis.map(api => (
        <li key={`${api.method} ${api.url}`}>
          <code>
            {api.method} {address + (address && api.url === '/' ? '' : api.url)}
          </code>
          <div className="note">
            {api.fields.length === 0 ? (
              <span className="soft">{t('noFields')}</span>
            ) : (
              <Facts
                facts={api.fields.map(
                  ({ name, type, required, description }) =>
                    [name, [type, required ? t('isRequired') : '', description].filter(Boolean).join(' · ')] as const,
                )}
              />
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}
