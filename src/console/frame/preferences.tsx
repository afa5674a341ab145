import { Button, Dropdown } from 'antd';
import { changeSettings, type Settings, useSettings } from '../settings.ts';
import { type TextKey, useTexts } from '../texts/index.ts';

const LANGUAGES = { en: 'English', zh: '中文' } as const;
const THEMES: Record<Settings['theme'], TextKey> = { light: 'light', dark: 'dark', system: 'system' };

/** Language and theme, for this browser. */
export function Preferences() {
  const t = useTexts();
  const { language, theme } = useSettings();
  return (
    <>
      <Dropdown
        trigger={['click']}
        menu={{
          selectable: true,
          selectedKeys: [language],
          items: Object.entries(LANGUAGES).map(([key, label]) => ({ key, label })),
          onClick: ({ key }) => changeSettings({ language: key as Settings['language'] }),
        }}
      >
        <Button className="caret" type="text" aria-label={`${t('language')}: ${LANGUAGES[language]}`}>
          {LANGUAGES[language]}
        </Button>
      </Dropdown>
      <Dropdown
        trigger={['click']}
        menu={{
          selectable: true,
          selectedKeys: [theme],
          items: Object.entries(THEMES).map(([key, text]) => ({ key, label: t(text) })),
          onClick: ({ key }) => changeSettings({ theme: key as Settings['theme'] }),
        }}
      >
        <Button className="caret" type="text" aria-label={`${t('theme')}: ${t(THEMES[theme])}`}>
          {t(THEMES[theme])}
        </Button>
      </Dropdown>
    </>
  );
}
