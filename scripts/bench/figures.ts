import { cpus, release, totalmem } from 'node:os';

/** One line of the table. `value` is compared with `goal`, both in `unit`; a ratio has its two raw figures in `raw`. */
export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** "most": the value may be at most the goal; "least": it must be at least the goal. */
  readonly bound: 'most' | 'least';
  readonly goal: number;
  readonly raw: string;
};

/** The value below which a share of the samples lies; 0.5 is the median. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The middle of the samples. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Whether a figure meets its goal. */
export function isMet({ bound, value, goal }: Figure): boolean {
  return bound === 'most' ? value <= goal : value >= goal;
}

/** The figures for a person. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    show(figure.value, figure.unit),
    `${figure.bound === 'most' ? '≤' : '≥'} ${show(figure.goal, figure.unit)}`,
    isMet(figure) ? 'met' : 'MISSED',
    figure.raw,
  ]);
  const all = [['FIGURE', 'VALUE', 'GOAL', 'VERDICT', 'RAW'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What the figures were measured on. */
export function machine(): Record<string, string | number> {
  const all = cpus();
  return {
    processor: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryMegabytes: Math.round(totalmem() / 1e6),
    kernel: release(),
    node: process.version,
  };
}

/** A number with three digits that count. */
export function show(value: number, unit: string): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = value >= 10_000 ? Math.round(value).toLocaleString('en') : value.toFixed(digits);
  return unit === '×' || unit === '' ? `${text}${unit}` : `${text} ${unit}`;
}
