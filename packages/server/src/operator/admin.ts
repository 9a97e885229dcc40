import { chmodSync, rmSync } from 'node:fs';
import { oneLine } from '@banshare/protocol';
import {
  answerBy,
  type AdminReply,
  type AdminRequest,
  type AdminTable,
  type HostPaths,
  type SteadyClock,
} from '@banshare/runtime';
import { drill } from './drill.ts';
import { explain } from './explain.ts';
import type { RateWatch } from '../judging/rate-watch.ts';
import { muteHost, unmuteHost } from './mute.ts';
import type { BannedAnywayWatch } from '../never-ban/banned-anyway.ts';
import type { LedgerWatch } from './outages.ts';
import { importBans } from './import.ts';
import { LONGEST_REASON, operatorBan, operatorUnban, refuseFrozen, textOf, type Args } from './bans.ts';
import { changeHost, changeNeverBan, setEnrolment, settleHeld, showAudit, type FleetParts } from './fleet.ts';
import { freeze, held, thaw } from './stop.ts';
import { undo } from './undo.ts';
import { retire, type RetireParts } from './retire.ts';
import { Settings } from '../ledger/settings.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { listBans } from './list-bans.ts';
import { listHosts, statusOf } from './status.ts';

/** What the local commands work with. */
export type AdminParts = FleetParts &
  RetireParts & {
    generations: readonly { name: string }[];
    startedAt: number;
    clock: SteadyClock;
    ledgerWatch: LedgerWatch;
    bannedAnyway: BannedAnywayWatch;
    paths: HostPaths;
    ledger: Ledger;
    rates: Pick<RateWatch, 'rate'>;
  };

/** Every action of the server's socket. */
const ACTIONS: AdminTable<AdminParts> = {
  ping: { takes: {}, run: () => ({ ok: true, result: 'pong' }) },
  status: {
    takes: {},
    run: async (_, parts) => {
      const tryWriting = (): void => noteAsked(parts.ledger, parts.now());
      return { ok: true, result: await statusOf({ ...parts, tryWriting }, parts.now()) };
    },
  },
  hosts: {
    takes: {},
    run: async (_, parts) => ({ ok: true, result: await listHosts(parts, parts.now()) }),
  },
  bans: { takes: { 'ip?': 'text', 'jail?': 'text', 'host?': 'text', 'all?': 'flag' }, run: listBans },
  explain: { takes: { ip: 'text' }, run: explain },
  ban: {
    takes: { ip: 'text', 'jail?': 'text', 'for?': 'text', 'reason?': 'text', 'force?': 'flag' },
    run: unlessFrozen(operatorBan),
  },
  unban: { takes: { ip: 'text', 'jail?': 'text' }, run: operatorUnban },
  undo: {
    takes: {
      'host?': 'text',
      'hosts?': 'list',
      'all?': 'flag',
      'import?': 'number',
      'jail?': 'text',
      'since?': 'text',
      'dryRun?': 'flag',
    },
    run: undo,
  },
  import: { takes: { entries: 'list', 'jail?': 'text', 'number?': 'number' }, run: unlessFrozen(importBans) },
  'change-host': {
    takes: {
      action: ['approve', 'disapprove', 'revoke', 'forget'],
      name: 'text',
      'replace?': 'flag',
      'addresses?': 'list',
    },
    run: changeHost,
  },
  'mute-host': { takes: { name: 'text', for: 'text', 'note?': 'text' }, run: muteHost },
  'unmute-host': { takes: { name: 'text' }, run: unmuteHost },
  enrolment: { takes: { mode: ['open', 'approve', 'closed'], 'for?': 'text' }, run: setEnrolment },
  'never-ban': {
    takes: { action: ['list', 'add', 'remove'], 'range?': 'text', 'force?': 'flag' },
    run: changeNeverBan,
  },
  retire: { takes: { generation: 'text', 'force?': 'flag' }, run: retire },
  release: { takes: {}, run: (_, parts) => settleHeld('release', parts) },
  drop: { takes: {}, run: (_, parts) => settleHeld('drop', parts) },
  freeze: { takes: { 'for?': 'text' }, run: freeze },
  thaw: { takes: {}, run: (_, parts) => thaw(parts) },
  held: { takes: { 'action?': ['publish', 'discard'] }, run: held },
  audit: { takes: { 'verify?': 'flag' }, run: showAudit },
  drill: { takes: {}, run: unlessFrozen((_, parts) => drill(parts)) },
  'copy-ledger': {
    takes: { 'file?': 'text' },
    run: (args, parts) => ({ ok: true, result: { path: copyLedger(args, parts) } }),
  },
  'backup-failed': { takes: { file: 'text', why: 'text' }, run: noteFailedBackup },
};

/** What would publish something new is refused while the fleet is frozen. */
function unlessFrozen(
  run: (args: Args, parts: AdminParts) => Promise<AdminReply>,
): (args: Args, parts: AdminParts) => Promise<AdminReply> {
  return async (args, parts) => refuseFrozen(parts) ?? run(args, parts);
}

/** Answers a command from the local admin socket. */
export async function answerAdmin(request: Required<AdminRequest>, parts: AdminParts): Promise<AdminReply> {
  return answerBy(ACTIONS, request, parts);
}

/** What costs least and shows all the same that the disk takes a commit. @throws when the ledger cannot be written. */
function noteAsked(ledger: Ledger, now: number): void {
  ledger.write(() => new Settings(ledger).put('status-asked', String(now)));
}

/** A copy for `backup`, in the state folder, where this daemon may write. What it is for stands in the copy too. */
function copyLedger(args: Args, { ledger, book, audit, paths, now }: AdminParts): string {
  const path = `${paths.ledger}.backup`;
  const file = textOf(args, 'file');
  audit.add('backup', file === undefined ? {} : { file: oneLine(file) }, now());
  try {
    book.flush({ everything: true });
    rmSync(path, { force: true });
    ledger.copyTo(path);
    chmodSync(path, 0o600);
  } catch (error) {
    audit.add('backup failed', { why: (error as Error).message }, now());
    throw error;
  }
  return path;
}

/** The command makes the backup of the copy, and tells what became of it. */
function noteFailedBackup(args: Args, { audit, now }: AdminParts): AdminReply {
  const [file, why] = [textOf(args, 'file'), textOf(args, 'why')].map((text) =>
    oneLine(text ?? '').slice(0, LONGEST_REASON),
  );
  audit.add('backup failed', { file, why }, now());
  return { ok: true, result: null };
}
