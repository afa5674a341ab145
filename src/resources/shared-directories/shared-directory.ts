import { Failure } from '../../kernel/failure.ts';
import { derivedUuid } from '../../kernel/ids.ts';

/** A directory of this machine that its operator lets accounts use, as a shared file system is elsewhere. */
export interface SharedDirectory {
  /** By which users name it. */
  name: string;
  /** Where it lies on this machine. */
  path: string;
  /** Names of the accounts that may use it; `*` is every account. */
  accounts: readonly string[];
  readOnly: boolean;
}

/** A shared directory, or one below it, as somebody asked for it. */
export interface SharedPlace {
  /** Name of the account that asked. */
  account: string;
  name: string;
  /** Below the shared directory, such as `data/mnist`; empty for all of it. */
  path: string;
  /** It was asked for, or is given, to be read only. */
  readOnly: boolean;
}

/** How the field of a request, and what is wrong with it, is called by the family that asks. */
export interface SharedField {
  /** Such as `volume.uri`. */
  name: string;
  /** Before the text of a refusal, such as `InvalidParam: parameter`. */
  prefix: string;
  /** Of a text that has not the form, of a directory that is not the account's to use, of a path that leads nowhere. */
  codes: { form: string; missing: string; path: string };
}

/** The id of a shared directory, where one is asked for besides its name; it follows from the name. */
export function sharedDirectoryId(name: string): string {
  return derivedUuid(`shared-directory/${name}`);
}

/** As people write it, `name:/path`. */
export function shownPlace({ name, path }: Pick<SharedPlace, 'name' | 'path'>): string {
  return `${name}:/${path}`;
}

/** Whether an account may use it. */
export function isOpenTo(directory: SharedDirectory, account: string): boolean {
  return directory.accounts.includes('*') || directory.accounts.includes(account);
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const LONGEST_PATH = 1024;

/**
 * The place that `name:/path` (or `name` alone) means for an account. Says nothing of what lies on the disk. Throws Failure with the field's
 * codes; a directory of others is as unknown as one that is not there.
 */
export function parseShared(
  directories: readonly SharedDirectory[],
  account: string,
  text: string,
  field: SharedField,
  asked: { id?: string | undefined; readOnly?: boolean | undefined } = {},
): SharedPlace {
  const [, name = '', path = ''] = /^([^:/]*)(?::\/?(.*))?$/s.exec(text) ?? [];
  const refuse = (code: string, what: string, solution?: string) =>
    new Failure({
      code,
      status: 400,
      message: `${field.prefix} [${field.name}] ${what}`,
      ...(solution ? { solution } : {}),
    });
  if (!NAME.test(name)) {
    throw refuse(
      field.codes.form,
      `is "${text.slice(0, 100)}"; it should be the name of a shared directory and a path below it, such as team:/data.`,
    );
  }
  const steps = path.replace(/\/+$/, '').split('/');
  const below = steps.length === 1 && steps[0] === '' ? [] : steps;
  if (path.length > LONGEST_PATH || below.some(step => step === '' || step.length > 255 || /[\p{Cc}]/u.test(step))) {
    throw refuse(field.codes.path, 'should hold no empty part, no control characters, and at most 1024 characters.');
  }
  if (below.some(step => step === '.' || step === '..')) {
    throw refuse(field.codes.path, 'should hold no part "." or "..": it cannot lead out of the shared directory.');
  }
  const usable = directories.filter(directory => isOpenTo(directory, account));
  const found = usable.find(directory => directory.name === name);
  if (!found || (asked.id && asked.id !== name && asked.id !== sharedDirectoryId(name))) {
    const names = usable.map(directory => directory.name);
    throw refuse(
      field.codes.missing,
      found
        ? `and the id "${asked.id!.slice(0, 64)}" do not belong together; the id of ${name} is ${sharedDirectoryId(name)}.`
        : `names the shared directory ${name}, which there is not, or which your account may not use.`,
      names.length > 0
        ? `Shared directories of your account: ${names.join(', ')}.`
        : 'Whoever runs the platform gives directories to accounts with ATELIER_SHARED_DIRS.',
    );
  }
  return { account, name, path: below.join('/'), readOnly: found.readOnly || asked.readOnly === true };
}
