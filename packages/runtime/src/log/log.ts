import { wallSeconds } from '../machine/clock.ts';
import { LEVELS, renderLine, type Level, type LineFormat, type LogFields } from './log-line.ts';

/** What a daemon has to say, one line each on stderr. */
export type Log = { readonly [L in Level]: (text: string, fields?: LogFields) => void } & {
  /** Many at once, each its own line: one by one a line takes several times as long. */
  readonly notices: (entries: readonly Said[]) => void;
};

/** What one line says. */
type Said = { text: string; fields: LogFields };

/** A log whose settings may be others from now on. */
export type OpenLog = Log & { readonly set: (settings: LogSettings) => void };

export type LogSettings = { readonly level: Level; readonly format: 'text' | 'json' };

/** Opens the log. winston is loaded only now, so that what logs nothing starts without it. */
export async function openLog(settings: LogSettings): Promise<OpenLog> {
  // By its default export: in a bundle a CommonJS module that is loaded late has no other.
  const { createLogger, format, transports } = (await import('winston')).default;
  // A reader that has gone away must not end a daemon.
  process.stderr.on('error', () => {});
  let lineFormat = lineFormatOf(settings);
  let most = settings.level;
  const logger = createLogger({
    levels: LEVELS,
    level: settings.level,
    format: format.printf((info) => {
      const { level, said } = info as unknown as { level: Level; said: readonly Said[] };
      const atSeconds = wallSeconds();
      return said.map((each) => renderLine({ atSeconds, level, ...each }, lineFormat)).join('\n');
    }),
    transports: [new transports.Stream({ stream: process.stderr, eol: '\n' })],
  });
  // As one entry: given apart, winston would append a field called message to the text.
  // What is below the level is told winston not at all: it would make the line, and only then throw it away.
  const say = (level: Level, said: readonly Said[]): void => {
    if (LEVELS[level] <= LEVELS[most]) logger.log({ level, message: '', said });
  };
  const at =
    (level: Level) =>
    (text: string, fields: LogFields = {}): void =>
      say(level, [{ text, fields }]);
  return {
    error: at('error'),
    warning: at('warning'),
    notice: at('notice'),
    info: at('info'),
    debug: at('debug'),
    notices: (entries) => {
      if (entries.length > 0) say('notice', entries);
    },
    set: (next) => {
      logger.level = next.level;
      most = next.level;
      lineFormat = lineFormatOf(next);
    },
  };
}

function lineFormatOf({ format }: LogSettings): LineFormat {
  return format === 'text' ? textFormat() : format;
}

/** Under systemd the journal reads a priority and knows the time itself. */
export function textFormat(): LineFormat {
  return process.env['JOURNAL_STREAM'] === undefined ? 'text' : 'journal';
}
