import { type ThemeConfig, theme } from 'antd';

/** Blue that white text can be read on (WCAG AA); on dark ground a lighter one. What is pointed at gets stronger, not weaker as by itself. */
const PRIMARY = '#0958d9';
const PRIMARY_HOVER = '#003eb3';
const LINK = '#7cb0ff';
const TOKENS = {
  light: {
    colorPrimary: PRIMARY,
    colorPrimaryHover: PRIMARY_HOVER,
    colorTextPlaceholder: '#6b6b6b',
    colorTextDescription: '#595959',
    colorError: '#cf1322',
    colorLink: PRIMARY,
    colorLinkHover: PRIMARY_HOVER,
  },
  dark: {
    colorPrimary: '#3c7dff',
    colorTextPlaceholder: '#a3a7ae',
    colorTextDescription: '#b0b4bb',
    colorError: '#ff7875',
    colorLink: LINK,
    colorBgContainer: '#191c22',
    colorBgElevated: '#20242b',
  },
};

/** Where the theme's own colours are too weak on dark ground. */
const DARK_PARTS = {
  Tabs: { itemSelectedColor: LINK, itemHoverColor: LINK },
  Dropdown: { colorPrimary: LINK },
  Button: {
    dangerColor: '#141414',
    colorPrimaryHover: '#1f5fd6',
    defaultHoverColor: LINK,
    defaultHoverBorderColor: LINK,
  },
};

/** Ant Design's theme. The browser only sets its variables: the rules that use them are a file of the build (component-styles.ts). */
export function themeOf(dark: boolean): ThemeConfig {
  return {
    algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
    token: { ...TOKENS[dark ? 'dark' : 'light'], motion: false, fontFamily: 'inherit' },
    ...(dark ? { components: DARK_PARTS } : {}),
    hashed: false,
    zeroRuntime: true,
  };
}
