import { seconds } from '../output.ts';

export interface StepRecord {
  step: string;
  seconds: number;
  note?: string;
}

/** Runs the steps of a walk one after the other, showing each with its duration. */
export interface Steps {
  run<T>(name: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
  /** Text of the step itself, such as a job's log. */
  output(text: string): void;
  readonly records: StepRecord[];
}

/** Steps shown on the terminal; with `quiet` they are only recorded. */
export function createSteps(options: { quiet: boolean }): Steps {
  const records: StepRecord[] = [];
  const say = (text: string) => {
    if (!options.quiet) process.stdout.write(text);
  };
  return {
    records,
    output: say,
    async run(name, work) {
      say(`▸ ${name}\n`);
      const started = performance.now();
      let note: string | undefined;
      const result = await work(text => {
        note = text;
      });
      const took = (performance.now() - started) / 1000;
      records.push({ step: name, seconds: Math.round(took * 1000) / 1000, ...(note ? { note } : {}) });
      say(`✔ ${name}  ${seconds(took)}${note ? `  ${note}` : ''}\n`);
      return result;
    },
  };
}
