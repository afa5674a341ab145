import { InvalidArgumentError, Option } from 'commander';
import { type ObsUrl, parseObsUrl } from '../client/obs-url.ts';
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

/** An argument that must be an OBS address. */
export function needUrl(text: string): ObsUrl {
  const url = parseObsUrl(text);
  if (url) return url;
  throw badArgument(`${text} is not an address of the form obs://bucket/key.`);
}

/** Reads a size such as 10M: bytes, with K, M, G or T for powers of 1024. */
export function byteCount(text: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('It must be a size such as 500, 64K, 10M or 2G.');
  return Number(count) * 1024 ** ' KMGT'.indexOf(unit?.toUpperCase() || ' ');
}

/** Reads an age such as 7d as milliseconds: a number with s, m, h, d or w. */
export function age(text: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([smhdw])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('It must be an age such as 30m, 12h, 7d or 4w.');
  return Number(count) * 1000 * { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }[unit as 's'];
}
