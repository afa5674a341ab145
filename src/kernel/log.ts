import pino, { type DestinationStream, type Logger } from 'pino';

export type Log = Logger;

const SECRETS = [
  'password',
  'secret',
  'secretKey',
  'secret_key',
  'securityToken',
  'authorization',
  'token',
  'headers.authorization',
  'headers["x-auth-token"]',
  'headers["x-security-token"]',
  '*.password',
  '*.secret',
  '*.secretKey',
  '*.securityToken',
  '*.token',
];

/** A structured logger: JSON lines on `destination` (stderr when absent), with secrets blanked. */
export function createLog(level = 'info', destination?: DestinationStream): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRETS, censor: '[redacted]' },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

/** A logger that says nothing; for tests. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
