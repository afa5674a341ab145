import { randomInt } from 'node:crypto';
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

/** What comes on standard input, up to the end of its last line. */
async function standardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) text += chunk;
  return text.replace(/\r?\n$/, '');
}

/** A password that is given by `--password-stdin` or ATELIER_PASSWORD: never as an argument, where others see it. */
export async function givenPassword(options: { passwordStdin?: boolean }): Promise<string | undefined> {
  if (options.passwordStdin) return standardInput();
  return process.env.ATELIER_PASSWORD || undefined;
}

/** The password that replaces another: standard input, ATELIER_NEW_PASSWORD, or asked for twice. Throws Failure when the two differ. */
export async function newPassword(options: { passwordStdin?: boolean } = {}): Promise<string> {
  if (options.passwordStdin) return standardInput();
  if (process.env.ATELIER_NEW_PASSWORD) return process.env.ATELIER_NEW_PASSWORD;
  const next = await ask('New password (or set ATELIER_NEW_PASSWORD): ', true);
  if (next === (await ask('Once more: ', true))) return next;
  throw new Failure({
    code: 'Atelier.BadArgument',
    status: 400,
    message: 'The two are not the same; the password was not changed.',
  });
}

const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';

/** A password that meets the rules and can be read out. */
export function madePassword(): string {
  return `${Array.from({ length: 16 }, () => LETTERS[randomInt(LETTERS.length)]).join('')}-9z`;
}
