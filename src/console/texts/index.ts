import { createContext, use } from 'react';
import { en, type TextKey, type Texts } from './en.ts';

export type { TextKey, Texts } from './en.ts';

export const TextsContext = createContext<Texts>(en);

/** Puts values in the place of `{name}`. */
export type T = (key: TextKey, values?: Record<string, string | number>) => string;

/** The texts of the language that was chosen. */
export function useTexts(): T {
  const texts = use(TextsContext);
  return (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/** Loads a language; English is there from the start. */
export async function loadTexts(language: 'en' | 'zh'): Promise<Texts> {
  return language === 'zh' ? (await import('./zh.ts')).zh : en;
}
