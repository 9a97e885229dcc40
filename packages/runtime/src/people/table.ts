import { oneLine } from '@banshare/protocol';
import { terminalColumns } from './folded.ts';

const GAP = 2;

/**
 * Lays rows out in columns as wide as their widest cell, headings first. Where a line would be longer than `columns`, each row
 * goes on in further lines, indented, headings too.
 */
export function table(
  headings: readonly string[],
  texts: readonly (readonly string[])[],
  columns = terminalColumns(),
): string {
  // A cell is one line, whatever somebody gave as a reason.
  const rows = texts.map((cells) => cells.map(oneLine));
  const widths = headings.map((heading, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), heading.length),
  );
  const lines = linesOf(widths, columns);
  const layOut = (cells: readonly string[]): string =>
    lines
      .map((of, index) => {
        const text = of.map((column) => (cells[column] ?? '').padEnd(widths[column] ?? 0)).join('  ');
        return (index === 0 ? text : `  ${text}`).trimEnd();
      })
      .filter((line, index) => index === 0 || line !== '')
      .join('\n');
  return [headings, ...rows].map(layOut).join('\n');
}

/** Which columns stand in which line of a row. */
function linesOf(widths: readonly number[], columns: number): number[][] {
  const lines: number[][] = [[]];
  let used = 0;
  for (const [column, width] of widths.entries()) {
    const line = lines.at(-1) ?? [];
    if (line.length > 0 && used + width > columns) {
      lines.push([column]);
      used = GAP + width + GAP;
    } else {
      line.push(column);
      used += width + GAP;
    }
  }
  return lines;
}
