import { existsSync, readFileSync } from 'node:fs';

/** What a running server says of itself in ATELIER_HOME/server.json. */
export interface ServerFile {
  pid: number;
  startedAt: number;
  endpoints: { api: string; obs: string; registry: string; inference: string; notebooks?: string };
  region: string;
  account: string;
  accountId: string;
  projectId: string;
  credentialsFile: string;
}

/** The file of the running or last server, or undefined. */
export function readServerFile(file: string): ServerFile | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ServerFile;
  } catch {
    return undefined;
  }
}

/** Whether a process with that id lives. */
export function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
