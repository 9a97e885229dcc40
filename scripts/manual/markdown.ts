// Reads the small part of Markdown in which the READMEs and the pages of the manual are written by hand.

/** A piece of a text; a directive is a comment such as `<!-- commands -->`. */
export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'code'; readonly lines: readonly string[] }
  | { readonly kind: 'list'; readonly isOrdered: boolean; readonly items: readonly string[] }
  | {
      readonly kind: 'table';
      readonly head: readonly string[];
      readonly rows: readonly (readonly string[])[];
    }
  | { readonly kind: 'directive'; readonly text: string };

/** A run of letters of one kind. */
export type Run = { readonly kind: 'text' | 'code' | 'strong' | 'emphasis'; readonly text: string };

/** The blocks of a text, in order. */
export function blocksOf(text: string): Block[] {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const rule = RULES.find(({ begins }) => begins.test(lines[at] ?? ''));
    if (rule === undefined) {
      at += 1;
      continue;
    }
    const end = rule.end(lines, at);
    const block = rule.make(lines.slice(at, end));
    if (block !== undefined) blocks.push(block);
    at = end;
  }
  return blocks;
}

/** What stands below a heading of second or third rank, up to the next of its rank or above. Undefined where there is none. */
export function sectionOf(text: string, title: string): string | undefined {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => /^#{2,3} /.test(line) && line.replace(/^#+ /, '') === title);
  if (start === -1) return undefined;
  const rank = (lines[start] ?? '').indexOf(' ');
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^#+ /.test(line) && line.indexOf(' ') <= rank);
  return (end === -1 ? rest : rest.slice(0, end)).join('\n');
}

/** Code, bold and slanted words within a line; a link is its text, with its address behind where that leads into the web. */
export function runsOf(text: string): Run[] {
  const runs: Run[] = [];
  let plain = '';
  const flush = (): void => {
    if (plain !== '') runs.push({ kind: 'text', text: plain });
    plain = '';
  };
  let rest = unlinked(text);
  while (rest !== '') {
    const [whole, code, strong, emphasis] =
      /^(?:`([^`]+)`|\*\*([^*]+)\*\*|\*([^\s*](?:[^*]*[^\s*])?)\*(?!\w))/.exec(rest) ?? [];
    if (whole === undefined) {
      plain += rest[0];
      rest = rest.slice(1);
      continue;
    }
    flush();
    if (code !== undefined) runs.push({ kind: 'code', text: code });
    // Bold may hold code, which looks the same.
    else if (strong !== undefined) runs.push({ kind: 'strong', text: strong.replaceAll('`', '') });
    else runs.push({ kind: 'emphasis', text: emphasis ?? '' });
    rest = rest.slice(whole.length);
  }
  flush();
  return runs;
}

function unlinked(text: string): string {
  return text.replace(/\[([^\]]+)\]\(([^)]*)\)/g, (_, name: string, where: string) =>
    /^https?:/.test(where) ? `${name} (${where})` : name,
  );
}

type Rule = {
  readonly begins: RegExp;
  readonly end: (lines: readonly string[], at: number) => number;
  readonly make: (lines: readonly string[]) => Block | undefined;
};

const ITEM = /^(?:-|\d+\.) /;

const RULES: readonly Rule[] = [
  {
    begins: /^<!-- /,
    end: (_, at) => at + 1,
    make: ([line = '']) => ({ kind: 'directive', text: line.replace(/^<!-- (.*) -->$/, '$1') }),
  },
  {
    begins: /^#+ /,
    end: (_, at) => at + 1,
    make: ([line = '']) => ({
      kind: 'heading',
      level: line.indexOf(' '),
      text: line.slice(line.indexOf(' ') + 1),
    }),
  },
  {
    begins: /^```/,
    end: (lines, at) => next(lines, at + 1, (line) => line.startsWith('```')) + 1,
    make: (lines) => ({ kind: 'code', lines: lines.slice(1, -1) }),
  },
  {
    begins: /^ {4}\S/,
    end: (lines, at) => endOfCode(lines, at),
    make: (lines) => ({ kind: 'code', lines: lines.map((line) => line.slice(4)) }),
  },
  {
    begins: /^\|/,
    end: (lines, at) => next(lines, at, (line) => !line.startsWith('|')),
    make: ([head = '', , ...rows]) => ({ kind: 'table', head: cellsOf(head), rows: rows.map(cellsOf) }),
  },
  {
    begins: ITEM,
    end: (lines, at) => next(lines, at, (line) => !ITEM.test(line) && !/^ +\S/.test(line)),
    make: (lines) => ({ kind: 'list', isOrdered: !lines[0]?.startsWith('-'), items: itemsOf(lines) }),
  },
  // Pictures.
  { begins: /^<img/, end: (_, at) => at + 1, make: () => undefined },
  {
    begins: /\S/,
    end: (lines, at) => next(lines, at, (line) => line === '' || /^(?:\||```|#+ |<!-- )/.test(line)),
    make: (lines) => ({ kind: 'paragraph', text: lines.join(' ') }),
  },
];

function next(lines: readonly string[], from: number, is: (line: string) => boolean): number {
  const found = lines.slice(from).findIndex(is);
  return found === -1 ? lines.length : from + found;
}

/** Empty lines within a block of code belong to it. */
function endOfCode(lines: readonly string[], at: number): number {
  const end = next(lines, at, (line) => line !== '' && !line.startsWith('    '));
  const length = lines.slice(at, end).findLastIndex((line) => line !== '') + 1;
  return at + length;
}

function itemsOf(lines: readonly string[]): string[] {
  const items: string[] = [];
  for (const line of lines) {
    if (ITEM.test(line)) items.push(line.replace(ITEM, ''));
    else items.push(`${items.pop() ?? ''} ${line.trim()}`);
  }
  return items;
}

/** A bar behind a backslash is one of the text. */
function cellsOf(line: string): string[] {
  return line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}
