import { parseArgs } from 'node:util';

/** The options of a daemon's plain run; undefined for any other command line, which yargs then reads and explains. */
export function readRunOptions(
  words: readonly string[],
): { root: string; config: string | undefined } | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: { root: { type: 'string', default: '' }, config: { type: 'string' } },
      allowPositionals: true,
    });
    const isRun = positionals.length === 0 || (positionals.length === 1 && positionals[0] === 'run');
    return isRun ? { root: values.root, config: values.config } : undefined;
  } catch {
    return undefined;
  }
}
