import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Failure } from '../kernel/failure.ts';

/** Asks a person at the terminal; what is typed is not shown when `hidden`. Throws Failure where there is no terminal. */
export async function ask(question: string, hidden = false): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new Failure({
      code: 'Atelier.NoTerminal',
      status: 400,
      message: `"${question.trim()}" cannot be asked without a terminal.`,
      solution: 'Give it as an option or environment variable; --help lists them.',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  if (hidden) {
    // The line editor would echo what is typed.
    (terminal as unknown as { _writeToOutput(text: string): void })._writeToOutput = text => {
      if (text.includes(question)) process.stderr.write(question);
    };
  }
  const answer = await terminal.question(question);
  terminal.close();
  if (hidden) process.stderr.write('\n');
  return answer.trim();
}

/** The text of a file, or of standard input for `-`. Throws Failure naming the file. */
export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw new Failure({
      code: 'Atelier.BadFile',
      status: 400,
      message: `The file ${file} cannot be read: ${(cause as Error).message}`,
      cause,
    });
  }
}
