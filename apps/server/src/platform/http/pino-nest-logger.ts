import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';
import type { Config } from '../config/config.ts';

/** JSON lines on stderr; stdout is for people. Headers and bodies are never logged, so no credential can be. */
export function createLogger(level: Config['logLevel']): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: shownError } },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** The named fields alone: errors of drivers carry whole connections with them. */
function shownError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const code = (error as { code?: unknown }).code;
  return {
    name,
    message,
    ...(typeof code === 'string' ? { code } : {}),
    stack,
    ...(cause === undefined ? {} : { cause: shownError(cause) }),
  };
}

/** Nest passes the context as the last text. */
export class PinoNestLogger implements LoggerService {
  readonly #pino: Logger;
  constructor(logger: Logger) {
    this.#pino = logger;
  }

  log(message: unknown, ...rest: unknown[]): void {
    // Nest's own report of each module and route is of no use to an operator.
    const level = NEST_CONTEXTS.has(String(rest.at(-1))) ? 'debug' : 'info';
    this.#write(level, message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  #write(level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace', message: unknown, rest: unknown[]): void {
    const context = typeof rest.at(-1) === 'string' ? (rest.at(-1) as string) : undefined;
    const text = rest.slice(0, -1).find((part) => typeof part === 'string');
    const at = context === undefined ? {} : { at: context };
    if (message instanceof Error) this.#pino[level]({ ...at, err: message }, message.message);
    else if (typeof message === 'object' && message !== null) this.#pino[level]({ ...at, ...message }, text ?? '');
    else this.#pino[level](text === undefined ? at : { ...at, stack: text }, String(message));
  }
}

const NEST_CONTEXTS = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);
