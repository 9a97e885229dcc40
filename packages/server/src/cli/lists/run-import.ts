import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHARED_JAIL } from '@banshare/protocol';
import {
  askBy,
  complain,
  draw,
  EXIT,
  hostPaths,
  monotonicSeconds,
  readClientConfig,
  tell,
  tellJson,
  wallSeconds,
} from '@banshare/runtime';
import { isSqlite, readFail2ban } from './import-fail2ban.ts';
import { readImport, type Imported } from './import-file.ts';
import type { ImportedPart } from '../../operator/deeds/import.ts';
import { cannot } from '../../words/phrases.ts';
import { progressLine } from './progress-line.ts';
import { readOnce } from './read-once.ts';
import { ACTIONS } from '../../operator/actions.ts';

/** Reports wait while the server takes a part; an admin request has at most 512 KiB. */
const PER_REQUEST = 1000;
const MOST_SHOWN = 10;

/** What the command line says of an import. */
export type ImportWords = {
  root: string;
  path: string;
  jail?: string;
  reason?: string;
  allowEmpty: boolean;
  asJson: boolean;
};

type Counts = {
  read: number;
  banned: number;
  protected: number;
  refused: number;
  known: number;
  over: number;
  /** By which `undo --import` takes it back. */
  number: number | null;
};

/** `import FILE`: bans what a file or standard input lists, and says what of it was not. Returns the exit code. */
export async function runImport(words: ImportWords): Promise<number> {
  const read = await readList(words);
  if ('fault' in read) return say(`Cannot import "${words.path}": ${read.fault}`);
  for (const what of read.leftOut ?? []) say(`left out: ${what}`);
  const counts: Counts = {
    read: read.bans.length + read.refused.length,
    banned: 0,
    protected: 0,
    refused: read.refused.length,
    known: 0,
    over: 0,
    number: null,
  };
  if (counts.read === 0 && !words.allowEmpty) {
    return say(
      `nothing is banned: "${words.path}" names no ban. A download may have failed; --allow-empty says that it may be empty`,
    );
  }
  const sent = await sendAll(read, words, counts);
  if ('fault' in sent) return say(sent.fault, sent.code);
  for (const { line, why } of read.refused.slice(0, MOST_SHOWN)) say(`entry ${line} is left out: ${why}`);
  const unshown = read.refused.length - MOST_SHOWN;
  if (unshown > 0) say(`${unshown} more entries are left out`);
  for (const why of sent.left) say(`left out: ${why}`);
  if (words.asJson) tellJson(counts);
  else tell(told(counts, sent.withoutRanges));
  return counts.refused > 0 ? EXIT.failed : EXIT.done;
}

function told(counts: Counts, withoutRanges: readonly string[]): string {
  const others = [
    `${counts.protected} may not be banned`,
    `${counts.refused} could not be read`,
    ...(counts.known > 0 ? [`${counts.known} are the fleet's own`] : []),
    ...(counts.over > 0 ? [`${counts.over} are over`] : []),
  ];
  const ranges = withoutRanges.length > 0 ? `\n${cannot(withoutRanges)}.` : '';
  const back =
    counts.number === null ? '' : `\nbanshare-server undo --import ${counts.number} takes it back.`;
  return `${counts.banned} of ${counts.read} are banned; ${others.join(', ')}.${ranges}${back}`;
}

async function sendAll(
  { bans }: Imported,
  { root, jail, reason, asJson }: ImportWords,
  counts: Counts,
): Promise<{ left: string[]; withoutRanges: readonly string[] } | { fault: string; code: number }> {
  const left: string[] = [];
  let withoutRanges: readonly string[] = [];
  const began = monotonicSeconds();
  const show = process.stderr.isTTY && !asJson && bans.length > PER_REQUEST;
  for (let first = 0; first < bans.length; first += PER_REQUEST) {
    const entries = bans.slice(first, first + PER_REQUEST);
    const request = {
      command: 'import',
      args: {
        entries,
        ...(jail === undefined ? {} : { jail }),
        ...(reason === undefined ? {} : { reason }),
        ...(counts.number === null ? {} : { number: counts.number }),
      },
    };
    const reply = await askBy(ACTIONS, hostPaths(root).serverSocket, request, 60_000);
    if (!reply.ok) {
      if (show) draw('');
      const fault = `${reply.reason}; ${counts.banned} of ${counts.read} are banned already`;
      return { fault, code: reply.code === 'no-daemon' ? EXIT.noDaemon : EXIT.failed };
    }
    const part = reply.result as ImportedPart;
    counts.banned += part.banned;
    counts.number = part.number;
    counts.protected += part.left.length;
    counts.known += part.known;
    counts.over += part.over;
    left.push(...part.left.slice(0, MOST_SHOWN - left.length));
    if (part.withoutRanges.length > 0) withoutRanges = part.withoutRanges;
    if (show) draw(progressLine(first + entries.length, bans.length, monotonicSeconds() - began));
  }
  if (show) draw('');
  return { left, withoutRanges };
}

async function readList({ path, root }: ImportWords): Promise<Imported | { fault: string }> {
  try {
    const bytes = await readOnce(path);
    if (isSqlite(bytes)) return await readDatabase(path, bytes, root);
    if (bytes.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]))) {
      return { fault: 'it is compressed: zcat it into "import -"' };
    }
    if (bytes.includes(0)) return { fault: 'it is no text in UTF-8' };
    return readImport(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

/** A database in a file is opened where it is, since a fail2ban that runs may keep a journal beside it. */
async function readDatabase(path: string, bytes: Buffer, root: string): Promise<Imported> {
  const shared = await sharedJails(root);
  if (path !== '-' && statSync(path).isFile()) return readFail2ban(path, wallSeconds(), shared);
  const folder = mkdtempSync(join(tmpdir(), 'banshare-import-'));
  try {
    const copy = join(folder, 'fail2ban.sqlite3');
    writeFileSync(copy, bytes, { mode: 0o600 });
    return readFail2ban(copy, wallSeconds(), shared);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The jails where bans of the fleet land, on a host that is set up like this machine. */
async function sharedJails(root: string): Promise<string[]> {
  const read = await readClientConfig(hostPaths(root).clientConfig);
  if (!read.ok) return [SHARED_JAIL];
  const { missingJail, jails } = read.config.apply;
  const renamed = [...jails].flatMap(([from, to]) => (from.split('/').at(-1) === to ? [] : [to]));
  return [...new Set([SHARED_JAIL, missingJail, ...renamed])];
}

function say(line: string, code: number = EXIT.failed): number {
  complain('banshare-server', line);
  return code;
}
