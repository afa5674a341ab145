import { createHmac, timingSafeEqual } from 'node:crypto';

/** An instance as far as secrets follow from it: they change with every run, as the token does. */
interface Run {
  id: string;
  token: string;
}

/** What proxy, browser and web IDE know each other by. Nothing of it is stored: it follows from a key and the token of the run. */
export interface WebSecrets {
  /** What the proxy shows the web IDE. */
  jupyter(run: Run): string;
  /** What a browser's cookie holds once it has shown the token. */
  cookie(run: Run): string;
}

export function webSecrets(key: Buffer): WebSecrets {
  const derive = (purpose: string, { id, token }: Run) =>
    createHmac('sha256', key).update(`${purpose}\0${id}\0${token}`).digest('base64url');
  return { jupyter: run => derive('jupyter', run), cookie: run => derive('cookie', run) };
}

/** Compares in a time that tells nothing of where they differ. */
export function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string) => createHmac('sha256', 'compare').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
