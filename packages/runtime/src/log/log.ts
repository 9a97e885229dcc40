import { wallSeconds } from '../machine/clock.ts';
import { LEVELS, renderLine, type Level, type LineFormat, type LogFields } from './log-line.ts';

/** What a daemon has to say, one line each on stderr. */
export type Log = { readonly [L in Level]: (text: string, fields?: LogFields) => void };

export type LogSettings = { readonly level: Level; readonly format: 'text' | 'json' };

/** Opens the log. winston is loaded only now, so that what logs nothing starts without it. */
export async function openLog(settings: LogSettings): Promise<Log> {
  // By its default export: in a bundle a CommonJS module that is loaded late has no other.
  const { createLogger, format, transports } = (await import('winston')).default;
  // A reader that has gone away must not end a daemon.
  process.stderr.on('error', () => {});
  const lineFormat = settings.format === 'text' ? textFormat() : settings.format;
  const logger = createLogger({
    levels: LEVELS,
    level: settings.level,
    format: format.printf((info) => {
      const { level, message, fields } = info as unknown as {
        level: Level;
        message: string;
        fields: LogFields;
      };
      return renderLine({ atSeconds: wallSeconds(), level, text: message, fields }, lineFormat);
    }),
    transports: [new transports.Stream({ stream: process.stderr, eol: '\n' })],
  });
  const at =
    (level: Level) =>
    (text: string, fields: LogFields = {}): void => {
      // As one entry: given apart, winston would append a field called message to the text.
      logger.log({ level, message: text, fields });
    };
  return {
    error: at('error'),
    warning: at('warning'),
    notice: at('notice'),
    info: at('info'),
    debug: at('debug'),
  };
}

/** Under systemd the journal reads a priority and knows the time itself. */
export function textFormat(): LineFormat {
  return process.env['JOURNAL_STREAM'] === undefined ? 'text' : 'journal';
}
