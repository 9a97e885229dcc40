import { openSync, readFileSync, readSync, closeSync } from 'node:fs';
import { askAdmin, hostPaths, wallSeconds } from '@banshare/runtime';
import type { Ask, Command } from './ask.ts';
import { isSqlite, readFail2ban } from './import-fail2ban.ts';
import { readImport, type Imported } from './import-file.ts';
import { exportBans, type ExportForm } from './export.ts';
import type { ImportedPart } from './operate-import.ts';
import type { ShownBan } from './show.ts';
import { cannot } from './say.ts';

/** An admin request has at most 64 KiB. */
const PER_REQUEST = 150;
const MOST_SHOWN = 10;

/** The commands that bring bans in from elsewhere, and take them out. */
export function importCommands(ask: Ask, setCode: (code: number) => void): Command[] {
  return [
    {
      command: 'import <file>',
      describe:
        "bans what a file lists: addresses and ranges, CSV, CrowdSec's decisions (CSV, JSON), fail2ban's database",
      builder: { file: { type: 'string' }, jail: { type: 'string', describe: 'the jail (banshare)' } },
      handler: async ({ root, file, jail, json }) => {
        setCode(await importFile(root, String(file), typeof jail === 'string' ? jail : undefined, json));
      },
    },
    {
      command: 'export',
      describe: 'the active bans, in a form that import reads',
      builder: {
        form: {
          type: 'string',
          choices: ['lines', 'csv', 'crowdsec', 'json'],
          default: 'csv',
          describe: 'how',
        },
      },
      handler: (words) => {
        const form = words['form'] as ExportForm;
        const show = ({ bans }: { bans: ShownBan[] }): string => exportBans(bans, form, wallSeconds());
        return ask({ root: words.root, json: false }, { command: 'bans' }, show);
      },
    },
  ];
}

async function importFile(
  root: string,
  path: string,
  jail: string | undefined,
  asJson: boolean,
): Promise<number> {
  const read = readFile(path);
  if ('fault' in read) return say(`Cannot import "${path}": ${read.fault}`);
  const counts = {
    read: read.bans.length + read.refused.length,
    banned: 0,
    protected: 0,
    refused: read.refused.length,
  };
  const left: string[] = [];
  let withoutRanges: readonly string[] = [];
  for (let first = 0; first < read.bans.length; first += PER_REQUEST) {
    const entries = read.bans.slice(first, first + PER_REQUEST);
    const reply = await askAdmin(
      hostPaths(root).serverSocket,
      { command: 'import', args: { entries, jail } },
      60_000,
    );
    if (!reply.ok)
      return say(`${reply.reason}; ${counts.banned} are banned already`, reply.code === 'no-daemon' ? 69 : 1);
    const result = reply.result as ImportedPart;
    counts.banned += result.banned;
    counts.protected += result.left.length;
    left.push(...result.left.slice(0, MOST_SHOWN - left.length));
    if (result.withoutRanges.length > 0) withoutRanges = result.withoutRanges;
    if (process.stdout.isTTY && !asJson)
      process.stdout.write(`\r${first + entries.length} of ${read.bans.length} `);
  }
  for (const { line, why } of read.refused.slice(0, MOST_SHOWN)) say(`entry ${line} is left out: ${why}`);
  for (const why of left) say(`left out: ${why}`);
  if (asJson) process.stdout.write(`${JSON.stringify(counts)}\n`);
  else {
    const others = `${counts.protected} may not be banned, ${counts.refused} could not be read`;
    process.stdout.write(`\r${counts.banned} of ${counts.read} are banned; ${others}.\n`);
    if (withoutRanges.length > 0) process.stdout.write(`${cannot(withoutRanges)}.\n`);
  }
  return counts.refused > 0 ? 1 : 0;
}

function readFile(path: string): Imported | { fault: string } {
  try {
    const head = Buffer.alloc(16);
    const file = openSync(path, 'r');
    readSync(file, head);
    closeSync(file);
    return isSqlite(head) ? readFail2ban(path, wallSeconds()) : readImport(readFileSync(path, 'utf8'));
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

function say(line: string, code = 1): number {
  process.stderr.write(`banshare-server: ${line}\n`);
  return code;
}
