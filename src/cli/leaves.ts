import { Argument, Command, Option } from 'commander';
import type { TSchema } from 'typebox';
import type { CallInput } from '../client/call.ts';
import type { Guard, Operation, ResponseOf } from '../wire/operation.ts';
import { type CommandContext, contextOf } from './context.ts';
import { Names, type Shown } from './names.ts';
import { badArgument } from './options.ts';
import { printOne, printRows } from './output.ts';

// biome-ignore lint/suspicious/noExplicitAny: each leaf knows the options it declares
export type Options = Record<string, any>;

/** What a command's help tells of an operation. */
type Called = Pick<Operation, 'id' | 'action'>;

/** One command as a row of a table. */
export interface Leaf {
  /** `user create`: the last word is the command, those before it are the groups it stands in. */
  words: string;
  about: string;
  /** `<name>`, `[name]` or `<name...>`, with what it is; an Argument where the value is restricted. */
  args?: readonly (readonly [name: string, about: string] | Argument)[];
  /** `--flag <value>`, what it is, and what counts when it is absent; an Option where the value is restricted. */
  options?: readonly (readonly [flags: string, about: string, fallback?: string] | Option)[];
  /** Options without which it does nothing. */
  required?: readonly (readonly [flags: string, about: string])[];
  /** What follows `atelier` in an example. */
  example: string;
  /** It destroys something: it asks, or wants `--yes` where nobody can be asked. */
  destroys?: boolean;
  /** The operations it is made from, told by its help. */
  operations?: readonly Called[];
  run(context: CommandContext, args: readonly string[], options: Options): Promise<void>;
}

export type Columns = Record<string, (row: Shown) => unknown>;

type Declared<Q extends TSchema, B extends TSchema, R extends TSchema, P extends string> = Operation<Q, B, R, P>;

/** How a command is made from one operation. */
export interface CallRow<O> extends Pick<Leaf, 'words' | 'args' | 'options' | 'required' | 'example' | 'destroys'> {
  /** The operation's summary when absent. */
  about?: string;
  /** Other operations that `input` calls, to find things by their names. */
  also?: readonly Called[];
  /** What is sent; names become ids here. */
  input?: (names: Names, args: readonly string[], options: Options) => CallInput<O> | Promise<CallInput<O>>;
  /** The answer is a list. */
  rows?: (answer: ResponseOf<O>) => readonly unknown[];
  columns?: Columns;
  /** The list comes in pages of so many, by `offset` and `limit`. */
  pageSize?: number;
  /** The answer is one thing. */
  one?: (answer: ResponseOf<O>) => unknown;
  /** Members of it that are told this once. */
  secrets?: readonly string[];
  /** What is said when it is done. */
  done?: (args: readonly string[], options: Options) => string;
}

/** A command that calls one operation and shows what it answers. */
export function calling<Q extends TSchema, B extends TSchema, R extends TSchema, P extends string>(
  op: Operation<Q, B, R, P>,
  row: CallRow<Declared<Q, B, R, P>>,
): Leaf {
  const { input, rows, columns, pageSize, one, secrets, done, about, also = [], ...shape } = row;
  type Answer = ResponseOf<Declared<Q, B, R, P>>;
  return {
    ...shape,
    about: about ?? `${op.summary.charAt(0).toLowerCase()}${op.summary.slice(1)}`,
    operations: [op as unknown as Called, ...also],
    async run(context, args, options) {
      const { format } = context;
      const session = isOperators(op.action) ? context.operator() : context.session;
      const given = (await input?.(new Names(session), args, options)) ?? {};
      const fetch = (query: object): Promise<Answer> =>
        session.call(op, { ...given, query: { ...given.query, ...query } } as typeof given);
      if (rows) {
        const found: unknown[] = [];
        for (let page: readonly unknown[] | undefined; page === undefined || page.length === pageSize; ) {
          page = rows(await fetch(pageSize === undefined ? {} : { limit: pageSize, offset: found.length }));
          found.push(...page);
        }
        printRows(format, found as Shown[], columns ?? {});
        return;
      }
      const answer = await fetch({});
      if (done) process.stderr.write(`${done(args, options)}\n`);
      if (one) printOne(format, one(answer) as Record<string, unknown>, secrets);
    },
  };
}

/** Adds commands below `parent`, making the groups they stand in; `groups`: what those are. */
export function addLeaves(parent: Command, groups: Record<string, string>, leaves: readonly Leaf[]): void {
  for (const leaf of leaves) {
    const words = leaf.words.split(' ');
    const name = words.pop()!;
    const group = words.reduce((at, word) => child(at, word, groups), parent);
    const command = new Command(name).description(leaf.about);
    for (const argument of leaf.args ?? []) {
      if (argument instanceof Argument) command.addArgument(argument);
      else command.argument(...argument);
    }
    for (const [flags, about] of leaf.required ?? []) command.requiredOption(flags, about);
    for (const option of leaf.options ?? []) {
      if (option instanceof Option) command.addOption(option);
      else command.option(...option);
    }
    if (leaf.destroys) command.option('--yes', 'do not ask');
    const operations = (leaf.operations ?? []).map(({ id, action }) => `\n  ${id}  ${guardText(action)}`);
    const calls = operations.length === 0 ? '' : `\n\nCalls:${operations.join('')}`;
    command.addHelpText('after', `\nExample:\n  ./atelier ${leaf.example}${calls}`);
    command.action(async (...given: unknown[]) => {
      const args = given
        .slice(0, command.registeredArguments.length)
        .flat()
        .filter(arg => arg !== undefined);
      const options = command.opts<Options>();
      if (leaf.destroys && !options.yes) await confirm([leaf.words, ...args].join(' '));
      await leaf.run(contextOf(command), args as string[], options);
    });
    // Inherits what the parent knows: help, error handling, global options.
    command.copyInheritedSettings(group);
    group.addCommand(command);
  }
}

/** Whether an operation is called with the key of whoever runs the installation. */
export function isOperators(guard: Guard): boolean {
  return typeof guard === 'object' && 'operator' in guard;
}

/** Who may call an operation, for people: its action, or why it has none. */
export function guardText(guard: Guard): string {
  if (typeof guard === 'string') return guard;
  if ('actions' in guard) return guard.actions.join(', ');
  if ('or' in guard) return `${guard.action} or ${guard.or}`;
  if ('own' in guard) return `${guard.action}, but for one's own`;
  if ('operator' in guard) return "the operator's key";
  return 'public' in guard ? 'anybody' : 'any credential';
}

function child(parent: Command, word: string, groups: Record<string, string>): Command {
  return (
    parent.commands.find(command => command.name() === word) ?? parent.command(word).description(groups[word] ?? word)
  );
}

async function confirm(what: string): Promise<void> {
  if (!process.stdin.isTTY) throw badArgument(`"${what}" cannot be undone.`, 'Add --yes to do it without being asked.');
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${what}: this cannot be undone. Type yes to go on: `);
  terminal.close();
  if (answer.trim().toLowerCase() !== 'yes') throw badArgument('Nothing was done.');
}
