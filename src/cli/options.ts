import { InvalidArgumentError, Option } from 'commander';
import { Failure } from '../kernel/failure.ts';

/** An option that may be given several times; its values come as a list. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, `${description} (repeatable)`)
    .argParser((value: string, earlier: string[]) => [...earlier, value])
    .default([], 'none');
}

/** Reads an option's value as a whole number from `minimum` to `maximum`. */
export function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return text => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
    throw new InvalidArgumentError(`It must be a whole number ${range}.`);
  };
}

/** Takes `name=value` apart. Throws Failure when there is no name. */
export function nameAndValue(text: string, form = 'name=value'): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw badArgument(`"${text}" is not of the form ${form}.`);
}

/** An argument that makes no sense. */
export function badArgument(message: string, solution?: string): Failure {
  return new Failure({ code: 'Atelier.BadArgument', status: 400, message, ...(solution ? { solution } : {}) });
}
