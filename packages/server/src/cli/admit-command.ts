import { oneLine, quote } from '@banshare/protocol';
import { complain, EXIT, tell, tellJson } from '@banshare/runtime';
import { askServer, codeOf, type Command, type Words } from './asking/ask-daemon.ts';
import { readOnce } from './lists/read-once.ts';
import { REASON } from './asking/words-of.ts';
import { MOST_ADMITTED, type Admitting, type LineFault } from '../words/hosts/admitting.ts';

/** So many lines are said one by one. */
const MOST_SHOWN = 20;

/** A line: its number, a name and a key; what a fault is known of has that. */
type Entry = [line: number, name: string, key: string];

/** `hosts admit FILE`: all lines are judged before any is taken. */
export function admitCommand(setCode: (code: number) => void, argv: readonly string[]): Command {
  return {
    command: 'admit <file>',
    describe:
      'lets hosts in by lines of NAME KEY (- for standard input), as banshare-client key prints them; all or none',
    builder: {
      file: { type: 'string' },
      replace: {
        type: 'boolean',
        default: false,
        describe: 'takes a name from the host that has it with another key, and revokes that one',
      },
      reason: REASON,
    },
    handler: async (words) => {
      // yargs makes an empty text of a word that is "-".
      const path = words['file'] === '' && argv.includes('-') ? '-' : String(words['file']);
      setCode(await admit(path, words));
    },
  };
}

async function admit(path: string, words: Words): Promise<number> {
  const name = path === '-' ? 'standard input' : quote(path);
  let text: string;
  try {
    text = (await readOnce(path)).toString('utf8');
  } catch (error) {
    return say(`Cannot read ${name}: ${(error as Error).message}`, EXIT.failed);
  }
  const { entries, faults } = splitLines(text);
  if (entries.length === 0 && faults.length === 0)
    return say(`nobody is admitted: ${name} has no line NAME KEY`, EXIT.badAddress);
  const judged = await askInParts(entries, words, true);
  if ('code' in judged) return judged.code;
  const all = [...faults, ...judged.faults, ...acrossParts(entries)].toSorted((a, b) => a.line - b.line);
  if (all.length > 0) return refuse(all, words.json);
  const done = await askInParts(entries, words, false);
  if ('code' in done) return done.code;
  // Something has changed since they were judged: what came before is in, and said again it stays so.
  if (words.json) tellJson(done);
  else if (done.hosts.length > 0) tell(told(done.hosts));
  return done.faults.length === 0 ? EXIT.done : refuse(done.faults, true, false);
}

/** Lines as they are written; `#` begins a comment. */
function splitLines(text: string): { entries: Entry[]; faults: LineFault[] } {
  const entries: Entry[] = [];
  const faults: LineFault[] = [];
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const fields = whole
      .replace(/(^|\s)#.*$/, '')
      .trim()
      .split(/\s+/);
    if (fields.length === 1 && fields[0] === '') continue;
    const [name = '', key = ''] = fields;
    if (fields.length === 2) entries.push([line, name, key]);
    else faults.push({ line, fault: `${quote(oneLine(whole))} is not NAME KEY`, code: 'line' });
  }
  return { entries, faults };
}

/** The daemon sees only what is in one part. */
function acrossParts(entries: readonly Entry[]): LineFault[] {
  if (entries.length <= MOST_ADMITTED) return [];
  const faults: LineFault[] = [];
  const [byName, byKey] = [new Map<string, Entry>(), new Map<string, Entry>()];
  for (const entry of entries) {
    const [line, name, key] = entry;
    const [sameName, sameKey] = [byName.get(name.toLowerCase()), byKey.get(key)];
    const isElsewhere = (other: Entry | undefined): other is Entry =>
      other !== undefined && (other[1].toLowerCase() !== name.toLowerCase() || other[2] !== key);
    if (isElsewhere(sameName))
      faults.push({ line, fault: `line ${sameName[0]} has the same name, with another key`, code: 'line' });
    else if (isElsewhere(sameKey))
      faults.push({ line, fault: `line ${sameKey[0]} has the same key, for ${sameKey[1]}`, code: 'line' });
    byName.set(name.toLowerCase(), sameName ?? entry);
    byKey.set(key, sameKey ?? entry);
  }
  return faults;
}

async function askInParts(
  entries: readonly Entry[],
  { root, reason, replace }: Words,
  check: boolean,
): Promise<Admitting | { code: number }> {
  const all: Admitting = { hosts: [], faults: [] };
  for (let from = 0; from < entries.length; from += MOST_ADMITTED) {
    const part = entries.slice(from, from + MOST_ADMITTED);
    const args = { entries: part, replace, check, ...(reason === undefined ? {} : { reason }) };
    const reply = await askServer(root, { command: 'admit-hosts', args });
    if (!reply.ok) return { code: say(reply.reason, codeOf(reply.code)) };
    const { hosts, faults } = reply.result as Admitting;
    all.hosts.push(...hosts);
    all.faults.push(...faults);
    if (!check && faults.length > 0) break;
  }
  return all;
}

/** Says each line that is not taken, and that none is. */
function refuse(faults: readonly LineFault[], isSaid: boolean, isNone = true): number {
  const seen = new Set<string>();
  for (const { line, fault } of faults) {
    const text = `line ${line}: ${fault}`;
    if (!seen.has(text)) complain('banshare-server', text);
    seen.add(text);
  }
  if (isNone) {
    if (isSaid) tellJson({ hosts: [], faults });
    complain('banshare-server', 'nobody is admitted: all lines, or none');
  }
  return faults.some(({ code }) => code === 'line') ? EXIT.badAddress : EXIT.failed;
}

function told(hosts: Admitting['hosts']): string {
  const count = (which: string): number => hosts.filter(({ outcome }) => outcome === which).length;
  // Of many those that are new, as far as they are few: one among them that nobody expected is to be seen.
  const news = hosts.filter(({ outcome }) => outcome !== 'already');
  const shown = hosts.length > MOST_SHOWN ? news : hosts;
  const lines = shown.length > MOST_SHOWN ? [] : shown.map(({ says }) => says);
  const sums = [
    `${count('admitted')} admitted`,
    ...(count('approved') === 0 ? [] : [`${count('approved')} approved that waited`]),
    `${count('already')} admitted already`,
  ];
  return [...lines, `${sums.join(', ')}.`].join('\n');
}

function say(text: string, code: number): number {
  complain('banshare-server', text);
  return code;
}
