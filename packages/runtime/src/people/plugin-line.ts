import { oneLine } from '@banshare/protocol';

/** How a thing is, as monitoring plugins say it: by the name of one of PLUGIN_EXIT. */
export type PluginState = 'ok' | 'warning' | 'critical' | 'unknown';

/** One figure behind the line; null where it is not known, and then left out. `unit` is `s`, `B`, `c` of a counter, or none. */
export type PluginFigure = { name: string; value: number | null; unit?: 's' | 'B' | 'c' };

/** More of a line some programs cut in the middle of a figure. */
const LONGEST = 700;

/** The one line of a plugin for Nagios, Icinga and their kin: state, sentences and figures. */
export function pluginLine(
  program: string,
  state: PluginState,
  sentences: readonly string[],
  figures: readonly PluginFigure[],
): string {
  // What stands behind the first bar is figures.
  const text = oneLine(sentences.join('; ')).replaceAll('|', '/');
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
  const told = figures.flatMap(({ name, value, unit = '' }) =>
    value === null ? [] : [`${name}=${Math.round(value * 1000) / 1000}${unit}`],
  );
  return `${program.toUpperCase()} ${state.toUpperCase()} - ${short}${told.length === 0 ? '' : ` | ${told.join(' ')}`}`;
}
