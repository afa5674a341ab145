import { createCache, extractStyle, StyleProvider } from '@ant-design/cssinjs';
import {
  Alert,
  App,
  AutoComplete,
  Breadcrumb,
  Button,
  Checkbox,
  ConfigProvider,
  Drawer,
  Dropdown,
  Empty,
  Form,
  Input,
  InputNumber,
  Modal,
  message,
  notification,
  Popconfirm,
  Progress,
  Radio,
  Segmented,
  Select,
  Slider,
  Space,
  Switch,
  Tabs,
  Tag,
  Tooltip,
  Typography,
} from 'antd';
import { createElement, Fragment } from 'react';
import { renderToString } from 'react-dom/server';
import type { Plugin } from 'vite';
import { themeOf } from './theme.ts';

/** The file whose place the rules take. */
const STYLES = '/src/console/components.css';
/** How a component of Ant Design declares its styles: its name, then the function that writes them. */
const DECLARATION = /^gen(StyleHooks|SubStyleComponent|ComponentStyleHook)$/;

/** One of each component that the console shows. */
const SAMPLES = createElement(
  Fragment,
  {},
  createElement(Alert),
  createElement(App),
  createElement(AutoComplete),
  createElement(Breadcrumb),
  createElement(Button),
  createElement(Checkbox),
  createElement(Drawer._InternalPanelDoNotUseOrYouWillBeFired),
  createElement(Dropdown, { menu: { items: [] } }, createElement('div')),
  createElement(Empty),
  createElement(Form, {}, createElement(Form.Item)),
  createElement(Input),
  createElement(Input.TextArea),
  createElement(Input.Password),
  createElement(Input.Search),
  createElement(InputNumber),
  createElement(Modal._InternalPanelDoNotUseOrYouWillBeFired),
  createElement(Modal._InternalPanelDoNotUseOrYouWillBeFired, { type: 'confirm' }),
  createElement(message._InternalPanelDoNotUseOrYouWillBeFired),
  createElement(notification._InternalPanelDoNotUseOrYouWillBeFired),
  createElement(Popconfirm._InternalPanelDoNotUseOrYouWillBeFired, { title: '' }),
  createElement(Progress),
  createElement(Radio),
  createElement(Radio.Group),
  createElement(Segmented, { options: [''] }),
  createElement(Select),
  createElement(Slider),
  createElement(Space),
  createElement(Space.Addon),
  createElement(Switch),
  createElement(Tabs),
  createElement(Tag),
  createElement(Tooltip._InternalPanelDoNotUseOrYouWillBeFired),
  createElement(Typography.Text),
);

/** What belongs to components that are shown, and is never shown with them here. */
const NOT_SHOWN = new Set(['Input-OTP', 'Menu-Menu', 'Skeleton-Skeleton', 'Tag-preset', 'Tag-status']);
/** The same of rules: right to left, colours by name, columns by the width of the window, and links, of which the console has its own. */
const NOT_NEEDED =
  /-rtl\b|-color-(blue|purple|cyan|green|magenta|pink|red|orange|yellow|volcano|geekblue|lime|gold)\b|-col-(xs|sm|md|lg|x{1,3}l)-|^\s*a(:|\[|$)/;

/** The rules of all components that have a sample, and which components those are. */
function componentStyles(): { css: string; names: Set<string> } {
  const cache = createCache();
  const themed = createElement(ConfigProvider, { theme: { ...themeOf(false), zeroRuntime: false } }, SAMPLES);
  renderToString(createElement(StyleProvider, { cache }, themed));
  // Of `style%<hash>%<component>-<part>%<class>%…`.
  const names = new Set([...cache.cache.keys()].map(key => key.split('%')[2] ?? ''));
  const css = extractStyle(cache, { plain: true, types: 'style' });
  const needed = css.replaceAll(/([^{};]+)\{[^{}]*\}/g, (rule, selectors: string) =>
    selectors.split(',').every(one => NOT_NEEDED.test(one)) ? '' : rule,
  );
  return { css: needed, names };
}

/** Brings the rules of Ant Design's components as a file, and leaves what would write them at run time out of the build. */
export function componentStylesPlugin(): Plugin {
  const { css, names } = componentStyles();
  const declared = new Map<string, string[]>();
  return {
    name: 'component-styles',
    load: id => (id.endsWith(STYLES) ? css : undefined),
    transform(code, id) {
      if (!/\/antd\/es\/.*\/style\/.*\.js$/.test(id) || !code.includes('gen')) return undefined;
      const writers: Node[] = [];
      const here: string[] = [];
      for (const { callee, arguments: given } of calls(this.parse(code))) {
        if (!DECLARATION.test(callee.name ?? '') || !given[0] || !given[1]) continue;
        here.push(nameOf(given[0]));
        writers.push(given[1]);
      }
      declared.set(id, here);
      let text = code;
      for (const { start, end } of writers.toSorted((a, b) => b.start - a.start)) {
        text = `${text.slice(0, start)}null${text.slice(end)}`;
      }
      return text;
    },
    generateBundle(_, bundle) {
      const used = Object.values(bundle).flatMap(chunk => (chunk.type === 'chunk' ? chunk.moduleIds : []));
      const missing = new Set(
        used.flatMap(id => declared.get(id) ?? []).filter(name => !names.has(name) && !NOT_SHOWN.has(name)),
      );
      if (missing.size) this.error(`of Ant Design’s ${[...missing].join(', ')} is no sample in component-styles.ts`);
    },
  };
}

interface Node {
  type: string;
  start: number;
  end: number;
  value?: unknown;
  elements?: Node[];
}
interface Call extends Node {
  callee: Node & { name?: string };
  arguments: Node[];
}

function* calls(node: unknown): Generator<Call> {
  if (typeof node !== 'object' || node === null) return;
  if ((node as Node).type === 'CallExpression') yield node as Call;
  for (const child of Object.values(node)) yield* calls(child);
}

/** Of the first argument: `'Button'`, or `['Button', 'compact']`. */
function nameOf({ value, elements }: Node): string {
  return elements ? elements.map(one => one.value).join('-') : `${value}-${value}`;
}
