/** One thing that must be well for the platform to be ready, or that people want to see. */
export interface Check {
  ok: boolean;
  text: string;
  [more: string]: unknown;
}

/** What `/readyz` answers. */
export interface Readiness {
  ready: boolean;
  pid: number;
  version: string;
  checks: Record<string, Check>;
}

/** Collects the states of the parts. Only `required` ones decide readiness. */
export function createHealth(version: string) {
  const checks = new Map<string, { required: boolean; state: Check }>();
  return {
    /** Reports the state of a part. */
    set(name: string, state: Check, options: { required: boolean } = { required: false }): void {
      checks.set(name, { required: options.required, state });
    },
    read(): Readiness {
      const entries = [...checks.entries()];
      return {
        ready: entries.length > 0 && entries.every(([, check]) => !check.required || check.state.ok),
        pid: process.pid,
        version,
        checks: Object.fromEntries(entries.map(([name, check]) => [name, check.state])),
      };
    },
  };
}

export type Health = ReturnType<typeof createHealth>;
