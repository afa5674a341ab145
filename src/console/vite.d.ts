declare module '*.css';

interface ImportMeta {
  /** Of Vite: the modules that match, each loaded when its function is called. */
  glob<M>(pattern: string): Record<string, () => Promise<M>>;
}
