// Writes mdoc, the language of manual pages that mandoc and groff read, so that `mandoc -T lint` has nothing to say.
import { runsOf, type Block, type Run } from './markdown.ts';

/** A line of input beyond this is bad style. */
const WIDTH = 78;

/** The lines of blocks; headings of second rank become sections, those below them subsections. */
export function mdocOf(blocks: readonly Block[]): string[] {
  return blocks.flatMap((block, index) => {
    const before = blocks[index - 1];
    const lines = linesOf(block);
    const needsGap = block.kind === 'paragraph' && before !== undefined && before.kind !== 'heading';
    return needsGap ? ['.Pp', ...lines] : lines;
  });
}

function linesOf(block: Block): string[] {
  switch (block.kind) {
    case 'heading':
      return [`${block.level <= 2 ? '.Sh' : '.Ss'} ${words(block.text, block.level <= 2)}`];
    case 'paragraph':
      return filled(block.text);
    case 'code':
      return ['.Bd -literal -offset indent', ...block.lines.map(literal), '.Ed'];
    case 'list':
      return [
        `.Bl ${block.isOrdered ? '-enum' : '-bullet'}`,
        ...block.items.flatMap((item) => ['.It', ...filled(item)]),
        '.El',
      ];
    case 'table':
      return tagged(block.rows.map(([tag = '', ...cells]) => [tag, cellsBelow(cells, block.head.slice(1))]));
    case 'directive':
      return [];
  }
}

/** What stands in a row behind its first cell; of several each but the first is named by the head of its column. */
function cellsBelow(cells: readonly string[], heads: readonly string[]): string[] {
  return cells.flatMap((cell, index) => {
    if (cell === '') return [];
    const lines = filled(index === 0 ? cell : `*${heads[index] ?? ''}*: ${cell}`);
    return index === 0 ? lines : ['.Pp', ...lines];
  });
}

/** A list of words, each with the lines about it. */
export function tagged(rows: readonly (readonly [tag: string, body: readonly string[]])[]): string[] {
  return [
    '.Bl -tag -width Ds',
    ...rows.flatMap(([tag, body]) => [tag === '' ? '.It' : `.It ${words(tag)}`, ...body]),
    '.El',
  ];
}

/** A text as the arguments of a macro, none of which may be taken for a macro or a delimiter. */
export function words(text: string, isTitle = false): string {
  const shown = isTitle ? text.toUpperCase() : text;
  return tokens(shown)
    .map((word) => (/^(?:[A-Z%][A-Za-z1]{1,2}|[.,:;()[\]?!|])$/.test(word) ? `\\&${word}` : word))
    .map((word) => word.replaceAll('"', '\\(dq'))
    .join(' ');
}

/** A text as lines: each sentence begins one, none is longer than WIDTH where it can be helped. */
export function filled(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of tokens(text)) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '';
    }
    line += `${line === '' ? '' : ' '}${word}`;
    if (/[.!?](?:\\fR)?[)"]?$/.test(word)) {
      lines.push(line);
      line = '';
    }
  }
  if (line !== '') lines.push(line);
  return lines.map(asText);
}

/** No line of text may look like one of a macro. */
function asText(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

/** A line that is shown as it is. */
function literal(line: string): string {
  return asText(escaped(line, true));
}

/** The words of a text, each with its own font, so that it may stand in any line. */
function tokens(text: string): string[] {
  const pieces: string[] = [];
  let word = '';
  for (const run of runsOf(text)) {
    const parts = run.text.split(/\s+/);
    for (const [index, part] of parts.entries()) {
      if (index > 0) {
        if (word !== '') pieces.push(word);
        word = '';
      }
      word += part === '' ? '' : inFont(run, part);
    }
  }
  if (word !== '') pieces.push(word);
  return pieces;
}

/** What is typed, and our own name, is never broken at the end of a line: who copies it would copy the hyphen. */
function inFont({ kind }: Run, text: string): string {
  const whole = kind === 'code' || text.includes('banshare') ? '\\%' : '';
  if (kind === 'text') return `${whole}${escaped(text, false)}`;
  return `${whole}\\f${kind === 'emphasis' ? 'I' : 'B'}${escaped(text, kind === 'code')}\\fR`;
}

const NAMED: Readonly<Record<string, string>> = { '→': '\\(->', '×': '\\(mu' };

/** What is to be typed keeps its hyphens and quotes, which a terminal would else show as others. */
function escaped(text: string, isTyped: boolean): string {
  const safe = text.replaceAll('\\', '\\e');
  const typed = isTyped
    ? safe
        .replaceAll('-', '\\-')
        .replaceAll("'", '\\(aq')
        .replaceAll('`', '\\(ga')
        .replaceAll('^', '\\(ha')
        .replaceAll('~', '\\(ti')
    : safe.replace(
        /(^|[^\w-])(--?)(?=\w)/g,
        (_, before: string, hyphens: string) => `${before}${hyphens.replaceAll('-', '\\-')}`,
      );
  return typed.replace(/[^\n -~]/gu, (letter) => NAMED[letter] ?? `\\[u${hex(letter)}]`);
}

function hex(letter: string): string {
  return (letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}
