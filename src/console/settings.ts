import { useSyncExternalStore } from 'react';

/** What a person chose for this browser. */
export interface Settings {
  language: 'en' | 'zh';
  theme: 'light' | 'dark' | 'system';
  workspace: string;
}

const KEY = 'atelier-console';
const listeners = new Set<() => void>();

function read(): Settings {
  const fallback: Settings = {
    language: navigator.language.startsWith('zh') ? 'zh' : 'en',
    theme: 'system',
    workspace: '0',
  };
  try {
    return { ...fallback, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>) };
  } catch {
    return fallback; // no storage, or somebody else's text in it
  }
}

let settings = read();

export function changeSettings(change: Partial<Settings>): void {
  settings = { ...settings, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Kept for this tab alone.
  }
  for (const listener of listeners) listener();
}

export function useSettings(): Settings {
  return useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => settings,
  );
}
