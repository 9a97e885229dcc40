/** In fewer columns nothing can be read; a terminal that does not know its width, as on a serial line, says that it has none. */
const LEAST_COLUMNS = 20;

/** The columns of a terminal; what goes elsewhere, or where nobody knows how wide it is, is not folded. */
export function terminalColumns(
  { isTTY, columns }: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> = process.stdout,
): number {
  return isTTY && columns >= LEAST_COLUMNS ? columns : Infinity;
}

/** Folds each line that is longer between its words; what goes on is indented, and a word that is longer than a line stands alone. */
export function folded(text: string, columns: number): string {
  return text
    .split('\n')
    .flatMap((line) => (line.length > columns ? foldLine(line, columns) : [line]))
    .join('\n');
}

function foldLine(line: string, columns: number): string[] {
  const [indent = ''] = /^ */.exec(line) ?? [];
  const lines: string[] = [];
  let current = indent;
  for (const word of line.trimStart().split(' ')) {
    const isFirst = current.trim() === '';
    if (!isFirst && current.length + 1 + word.length > columns) {
      lines.push(current.trimEnd());
      current = `${indent}    ${word}`;
    } else current += isFirst ? word : ` ${word}`;
  }
  return [...lines, current.trimEnd()];
}
