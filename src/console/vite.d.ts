declare module '*.css';

interface ImportMeta {
  /** Of Vite: the modules that match, each loaded when its function is called. */
  glob<M>(pattern: string): Record<string, () => Promise<M>>;
}

/** Of public/begin.js: loads the page again, unless that was tried often enough. */
declare var atelierReload: (() => boolean) | undefined;
