/** The rows of a list by their keys, in their order. */
type Rows = ReadonlyMap<string, string>;

/** The pieces of a page that are renewed while somebody looks, by their ids: a text, or rows. */
export type Pieces = ReadonlyMap<string, string | Rows>;

/** What is put in the place of what: a piece, rows of a list with the order of all, or all that stands in an element. */
export type Moved =
  | { readonly id: string; readonly html: string }
  | { readonly id: string; readonly keys: readonly string[]; readonly rows: readonly string[] }
  | { readonly inside: string; readonly html: string };

/** Where a piece begins: parts.ts writes these. What anybody plants is escaped and has no such mark. */
const BEGINS = /<!--(live|rows) ([\w-]+)-->/g;
const ROW = '<!--row-->';
const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

/**
 * The pieces of a page as it was made. The words of moments ("3 s ago") are left out: a browser writes them itself, and else every piece
 * would have moved each second.
 */
export function piecesOf(page: string): Pieces {
  const pieces = new Map<string, string | Rows>();
  for (const { 0: mark, 1: kind, 2: id = '', index } of page.matchAll(BEGINS)) {
    const from = index + mark.length;
    const text = withoutMoments(page.slice(from, page.indexOf(`<!--/${kind}-->`, from)));
    pieces.set(id, kind === 'rows' ? rowsOf(text) : text.trim());
  }
  return pieces;
}

/** What stands in the main part of a page. */
export function mainOf(page: string): string {
  const begin = page.indexOf('>', page.indexOf('<main')) + 1;
  return withoutMoments(page.slice(begin, page.lastIndexOf('</main>')));
}

/**
 * What has moved between two makings of one page; all of its main part where other pieces are there than before, unless only its frame
 * was made now, for which there is no main part.
 */
export function movedBetween(had: Pieces | undefined, has: Pieces, main?: string): Moved[] {
  if (had !== undefined && !isSameIds(had, has))
    return [
      ...movedOf(shared(had, has), has),
      ...(main === undefined ? [] : [{ inside: 'main', html: main }]),
    ];
  return movedOf(had, has);
}

function movedOf(had: Pieces | undefined, has: Pieces): Moved[] {
  const moved: Moved[] = [];
  for (const [id, now] of has) {
    const before = had?.get(id);
    if (had !== undefined && before === undefined) continue;
    if (typeof now === 'string') {
      if (before !== now) moved.push({ id, html: now });
      continue;
    }
    const old = typeof before === 'object' ? before : new Map<string, string>();
    const rows = [...now].filter(([key, text]) => old.get(key) !== text).map(([, text]) => text);
    if (before === undefined || rows.length > 0 || !isSameOrder(old, now))
      moved.push({ id, keys: [...now.keys()], rows });
  }
  return moved;
}

function shared(had: Pieces, has: Pieces): Pieces {
  return new Map([...had].filter(([id]) => has.has(id)));
}

function rowsOf(text: string): Rows {
  const rows = new Map<string, string>();
  for (const row of text.split(ROW).slice(1)) {
    const [, key = ''] = /data-key="([^"]*)"/.exec(row) ?? [];
    rows.set(
      key.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? ''),
      row.trim(),
    );
  }
  return rows;
}

function withoutMoments(text: string): string {
  return text.replaceAll(/(<time [^>]*data-at=[^>]*>)[^<]*/g, '$1');
}

function isSameIds(one: Pieces, other: Pieces): boolean {
  return one.size === other.size && [...one.keys()].every((id) => other.has(id));
}

function isSameOrder(one: Rows, other: Rows): boolean {
  if (one.size !== other.size) return false;
  const keys = other.keys();
  return [...one.keys()].every((key) => key === keys.next().value);
}
