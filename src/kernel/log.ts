import pino, { type DestinationStream, type Logger } from 'pino';

export type Log = Logger;

const CENSOR = '[redacted]';
const DEPTH = 8;

/** Names of members that hold secrets, in lower case and without separators: also `X-Auth-Token`, `HUAWEICLOUD_SDK_SK`. */
const SECRET_NAME =
  /(password|passwd|adminpass|secret|token|authorization|cookie|secretkey|secretaccesskey|privatekey|apikey|xoperatorkey|sdksk)$|^(sk|credentials?|tokenkey|datakey|gatewaykey|operatorkey)$/;

/** Secrets inside texts: tokens of ours, signatures, and the secrets of signed addresses. */
const SECRET_TEXT: readonly [RegExp, string][] = [
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, CENSOR],
  [/\b(Signature=)[\w%+/=-]+/gi, `$1${CENSOR}`],
  [/\b((?:x-(?:amz|obs)-)?security-?token=)[^\s"'&\\]+/gi, `$1${CENSOR}`],
  [/(:\/\/[^\s/:@"'\\]+:)[^\s/@"'\\]+@/g, `$1${CENSOR}@`],
];

/** A text without the secrets it may hold: tokens of ours, signatures, security tokens, passwords in addresses. */
export function blankSecrets(text: string): string {
  return SECRET_TEXT.reduce((left, [secret, censor]) => left.replace(secret, censor), text);
}

/** A structured logger: JSON lines on `destination` (stderr when absent), with secrets blanked at any depth. */
export function createLog(level = 'info', destination?: DestinationStream): Log {
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: error => error },
      formatters: {
        log: object => blank(object, DEPTH) as Record<string, unknown>,
      },
      hooks: {
        streamWrite: blankSecrets,
      },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
  // The formatter does not see what a child logger is bound to. Children inherit this method.
  const child = log.child;
  log.child = function (this: Log, bindings: Record<string, unknown>, ...options: []) {
    return child.call(this, blank(bindings, DEPTH) as Record<string, unknown>, ...options);
  } as typeof log.child;
  return log;
}

/** A logger that says nothing; for tests. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}

/**
 * A copy of `value` for the log: errors as plain members, secrets blanked, nothing deeper than `depth`. `within`: what it is a
 * member of, so that an object that holds itself (as errors of child processes do) is told once.
 */
function blank(value: unknown, depth: number, within: readonly object[] = []): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Buffer.isBuffer(value)) return `[${value.length} bytes]`;
  if (value instanceof Date || value instanceof URL) return value;
  if (within.includes(value)) return '[itself]';
  if (depth === 0) return '[…]';
  const path = [...within, value];
  if (Array.isArray(value)) return value.map(item => blank(item, depth - 1, path));
  if (value instanceof Map) return blank(Object.fromEntries(value), depth, path);
  const own: Record<string, unknown> = { ...value };
  const plain =
    value instanceof Error
      ? { type: value.name, message: value.message, stack: value.stack, cause: value.cause, ...own }
      : own;
  return Object.fromEntries(
    Object.entries(plain).map(([name, member]) => [name, isSecret(name) ? CENSOR : blank(member, depth - 1, path)]),
  );
}

function isSecret(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replaceAll(/[-_]/g, ''));
}
