import { stateOf } from '../ledger/books/backup-file.ts';
import { OlderTables } from '../ledger/older-tables.ts';
import { SCHEMA } from '../ledger/schema.ts';
import { lacking, type Entry, type Log } from '../log/log.ts';

/** Entries read at once: memory has to hold them. */
const MOST_READ = 200;

/** How far the tables of a replica came: `from` is the version that they had. */
export type Stepped = { readonly from: number; readonly to: number; readonly isFirst: boolean };

/**
 * Brings the tables of a replica that no server has open to this program's version by the log, in which a step is an entry of its own: what
 * comes before it was made for the tables before, and what comes after it for those after. Whoever comes first with a newer program appends
 * it, behind all that there is, unless it may not: then the tables stay as the log's end has them. Servers with an older program stop there.
 * Undefined where there was nothing to do. @throws LogFault, and what the file fails with
 */
export async function takeSteps(
  log: Log,
  path: string,
  { mayAppend = true }: { mayAppend?: boolean } = {},
): Promise<Stepped | undefined> {
  const state = stateOf(path);
  if (state === undefined || state.version >= SCHEMA || state.applied.n === 0) return undefined;
  using tables = new OlderTables(path);
  let isFirst = false;
  while (tables.version < SCHEMA) {
    const entries = await log.after(tables.applied, MOST_READ);
    for (const entry of entries) tables.take(entry);
    if (entries.length > 0 || tables.version === SCHEMA) continue;
    if (!mayAppend) break;
    const step = await appendStep(log, tables);
    if (step !== undefined) tables.take(step);
    isFirst = step !== undefined;
  }
  return { from: state.version, to: tables.version, isFirst };
}

/** The entry of the step to this program's version, where nobody else was first. @throws LogFault */
async function appendStep(log: Log, { applied }: OlderTables): Promise<Entry | undefined> {
  const draft = { schema: SCHEMA, kind: 'schema', data: new Uint8Array() } as const;
  const appended = await log.append(draft, applied);
  if (appended.outcome === 'forked') throw lacking(applied.n, appended.aheadBy);
  return appended.outcome === 'ours' ? { ...draft, ...appended.position, at: 0 } : undefined;
}
