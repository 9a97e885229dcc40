import { show } from '../figures.ts';

/** One way to do a job, and how long it took. */
export type Way = { readonly job: string; readonly way: string; readonly ms: number; readonly raw: string };

/** What a part of the field bench found. */
export type Found<Goal> = { readonly ways: readonly Way[]; readonly figures: readonly Goal[] };

/** The ways for a person, each job with its ways below one another. */
export function waysTable(ways: readonly Way[]): string {
  const rows = ways.map(({ job, way, ms, raw }, index) => [
    job === ways[index - 1]?.job ? '' : job,
    way,
    time(ms),
    raw,
  ]);
  const all = [['JOB', 'WAY', 'TIME', 'RAW'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A time in the unit that suits it. */
export function time(ms: number): string {
  return ms >= 1000 ? show(ms / 1000, 's') : show(ms, 'ms');
}
