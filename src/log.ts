import pino, { type Logger } from 'pino';

export type { Logger };

/** Structured logs. Whatever could be a secret is cut out by name, wherever in the object it stands one or two levels deep. */
export function createLogger(level: string, destination?: pino.DestinationStream): Logger {
  const secrets = [
    'authorization',
    'cookie',
    'key',
    'secret',
    'signing_secret',
    'token',
    'password',
    'databaseUrl',
    'encryptionKey',
  ];
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
  };
  return destination ? pino(options, destination) : pino(options);
}
