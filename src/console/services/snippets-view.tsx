import { Tabs, Typography } from 'antd';
import { useTexts } from '../texts/index.ts';
import { LANGUAGES, type ShownRequest, snippet } from './snippets.ts';

/** A request in the languages that programs call services in, to be copied. */
export function Snippets({ request }: { request: ShownRequest }) {
  const t = useTexts();
  return (
    <Tabs
      size="small"
      destroyOnHidden
      items={LANGUAGES.map(language => {
        const text = snippet(language, request);
        return {
          key: language,
          label: language,
          children: (
            <>
              <Typography.Text copyable={{ text, tooltips: [t('copy'), t('copied')] }} />
              <section className="log short" aria-label={language} tabIndex={0}>
                {text}
              </section>
            </>
          ),
        };
      })}
    />
  );
}
