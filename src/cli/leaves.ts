import { Command } from 'commander';
import { type CommandContext, contextOf } from './context.ts';
import { badArgument } from './options.ts';

// biome-ignore lint/suspicious/noExplicitAny: each leaf knows the options it declares
export type Options = Record<string, any>;

/** One command as a row of a table. */
export interface Leaf {
  /** `user create`: the last word is the command, those before it are the groups it stands in. */
  words: string;
  about: string;
  /** `<name>`, `[name]` or `<name...>`, with what it is. */
  args?: readonly (readonly [name: string, about: string])[];
  /** `--flag <value>`, what it is, and what counts when it is absent. */
  options?: readonly (readonly [flags: string, about: string, fallback?: string])[];
  /** What follows `atelier` in an example. */
  example?: string;
  /** It destroys something: it asks, or wants `--yes` where nobody can be asked. */
  destroys?: boolean;
  run(context: CommandContext, args: readonly string[], options: Options): Promise<void>;
}

/** Adds commands below `parent`, making the groups they stand in; `groups`: what those are. */
export function addLeaves(parent: Command, groups: Record<string, string>, leaves: readonly Leaf[]): void {
  for (const leaf of leaves) {
    const words = leaf.words.split(' ');
    const name = words.pop()!;
    const group = words.reduce((at, word) => child(at, word, groups), parent);
    const command = new Command(name).description(leaf.about);
    for (const [argument, about] of leaf.args ?? []) command.argument(argument, about);
    for (const [flags, about, fallback] of leaf.options ?? []) command.option(flags, about, fallback);
    if (leaf.destroys) command.option('--yes', 'do not ask');
    if (leaf.example) command.addHelpText('after', `\nExample:\n  ./atelier ${leaf.example}`);
    command.action(async (...given: unknown[]) => {
      const args = given
        .slice(0, command.registeredArguments.length)
        .flat()
        .filter(arg => arg !== undefined);
      const options = command.opts<Options>();
      if (leaf.destroys && !options.yes) await confirm(`${leaf.words} ${args.join(' ')}`);
      await leaf.run(contextOf(command), args as string[], options);
    });
    // Inherits what the parent knows: help, error handling, global options.
    command.copyInheritedSettings(group);
    group.addCommand(command);
  }
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
