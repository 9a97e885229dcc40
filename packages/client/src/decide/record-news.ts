import { sayReason } from '../bans/reason.ts';
import {
  type BanKey,
  banKeyText,
  isRange,
  isTooWide,
  OPERATOR_HOST,
  type Event,
  type Position,
} from '@banshare/protocol';
import { isOver, mayBeOurs, type BanRow } from '../bans/ban-row.ts';
import { confirmed, ended, lacking, published, unbanned, unbannedToo } from '../bans/transitions.ts';
import { inParts, pageByPage, takingOut } from '../host/in-parts.ts';
import { choose, chooseToFollow } from './choose.ts';
import { keepNewest } from './max-active.ts';
import { LeftEpochs } from '../bans/left-epochs.ts';
import type { News } from '../bans/news.ts';
import type { DecideParts } from './parts.ts';

/** In these states a ban stands here: where a snapshot has it too, it need not be carried out anew. */
const STANDS: ReadonlySet<string> = new Set(['applied', 'already', 'unproven']);

/**
 * Writes news into the state, together with the position, and queues what is to be done for it. The state is written first:
 * after a crash the pending rows are queued again. A large snapshot is written in parts, and the position with the last: a crash
 * on the way only brings another snapshot.
 */
export function recordNews(news: News, parts: DecideParts): void | Promise<void> {
  if (news.kind === 'snapshot') return takeSnapshot(news, parts);
  if (news.kind !== 'events') return;
  const { state } = parts;
  inOneGo(
    parts,
    (queued) => {
      for (const event of news.events) {
        if (event.kind === 'ban') takeBan(event, parts, queued);
        else if (event.kind === 'unban') takeUnban(event, parts, queued);
        else state.tell({ seq: event.seq, outcome: 'skipped', reason: 'unsupported' });
      }
    },
    news.position,
  );
}

function inOneGo(parts: DecideParts, work: (queued: BanRow[]) => void, position?: Position): void {
  const { state, queue } = parts;
  const queued: BanRow[] = [];
  const change = (): void => {
    work(queued);
    keepNewest(parts, queued);
  };
  if (position === undefined) state.inTransaction(change);
  else state.advance(position, change);
  for (const row of queued) queue(row);
}

/** Marks a ban as over on this host: what banshare put in place is lifted, anything else is only forgotten. */
export function endBan(row: BanRow | undefined, parts: DecideParts, queued: BanRow[], because?: Event): void {
  if (row === undefined) return;
  if (!mayBeOurs(row)) {
    parts.state.remove(row);
    return;
  }
  const lifting = ended(row, because?.seq);
  parts.state.put(lifting, parts.now());
  queued.push(lifting);
}

/** An operator's unban runs on every host; a host's own only takes back what banshare put in place. */
function takeUnban(event: Event, parts: DecideParts, queued: BanRow[]): void {
  const row = parts.state.get(event);
  if (event.host === OPERATOR_HOST) liftUnknown(event, parts, queued);
  if (isRange(event.ip) && isTooWide(event.ip)) {
    // No range this wide was ever put in place here, and ipset gives up a whole batch where one line is more than it takes.
    if (row !== undefined) parts.state.remove(row);
    return;
  }
  if (event.host !== OPERATOR_HOST) {
    endBan(row, parts, queued, event);
    return;
  }
  const chosen = chooseToFollow(event, parts.choice, parts.now());
  // This host never followed bans of this kind, so that there is nothing to lift.
  if (row === undefined && !chosen.apply && event.everyJail !== true) return;
  const lifting = unbanned(event, chosen.apply ? chosen.localJail : event.jail, row);
  parts.state.put(lifting, parts.now());
  queued.push(lifting);
}

function takeBan(event: Event, parts: DecideParts, queued: BanRow[]): void {
  const { state, now } = parts;
  const chosen = choose(event, parts.choice, now());
  const earlier = state.get(event);
  const row = published(event, chosen, earlier);
  // A host that was away for long hears of thousands of bans that are over already: a row for each would be of no use.
  if (earlier !== undefined || !isOver(row, now())) state.put(row, now(), earlier ?? null);
  if (row.status !== 'skipped') queued.push(row);
  if (chosen.apply) return;
  state.tell({ seq: row.seq, outcome: 'skipped', reason: sayReason(chosen.reason) });
  parts.skipped(event, sayReason(chosen.reason));
}

/** Lifts also the bans of this address that the server's ledger lacks: it cannot know in which jails a host holds them. */
function liftUnknown(event: Event, parts: DecideParts, queued: BanRow[]): void {
  for (const row of parts.state.of(event.ip)) {
    const isOther = row.prog !== event.prog || row.jail !== event.jail;
    if (row.seq !== 0 || !isOther || row.status === 'lifting') continue;
    const lifting = unbannedToo(row);
    parts.state.put(lifting, parts.now());
    queued.push(lifting);
  }
}

/**
 * What becomes of bans here that the snapshot lacks: of a new epoch, and of a history that is ours, they are over. Where the
 * server has another history of our epoch, an older file having replaced its ledger, nobody knows: they stay until
 * their end.
 */
async function takeSnapshot(
  { bans, position, because }: News & { kind: 'snapshot' },
  parts: DecideParts,
): Promise<void> {
  const { state } = parts;
  const before = state.position()?.epoch;
  const isNewEpoch = before !== position.epoch;
  const isOtherHistory = !isNewEpoch && because !== 'old';
  state.isPartial = true;
  try {
    if (isNewEpoch || isOtherHistory) state.forgetUntold();
    const wanted = new Set<string>();
    const taking = takingOut(bans, (some) => {
      for (const ban of some) wanted.add(banKeyText(ban));
      inOneGo(parts, (queued) => some.forEach((event) => takeOfSnapshot(event, parts, queued)));
    });
    if (taking !== undefined) await taking;
    const others: BanKey[] = [];
    const noteOthers = (rows: readonly BanKey[]): void =>
      void others.push(...rows.filter((ban) => !wanted.has(banKeyText(ban))));
    const reading = pageByPage(
      (behind, limit) => state.keys(behind, limit),
      noteOthers,
      () => true,
    );
    if (reading !== undefined) await reading;
    const leaving = inParts(others, (some) =>
      inOneGo(parts, (queued) => {
        for (const row of some.flatMap((ban) => state.get(ban) ?? [])) {
          const stays = isOtherHistory || (!isNewEpoch && row.seq === 0);
          if (stays) keep(row, parts, queued);
          else endBan(row, parts, queued);
        }
      }),
    );
    if (leaving !== undefined) await leaving;
    state.advance(position, () => {
      if (isNewEpoch && before !== undefined) new LeftEpochs(state).leave(before, position.epoch);
    });
  } finally {
    state.isPartial = false;
  }
}

function takeOfSnapshot(event: Event, parts: DecideParts, queued: BanRow[]): void {
  const row = parts.state.get(event);
  // What is in place stays, and what was let go here stays let go. What was being lifted is wanted again, what failed gets
  // another try, what is under way has to end as this publication, and why something was skipped may no longer hold.
  const isLetGo = row?.status === 'released' && row.at === event.at;
  if (row !== undefined && (STANDS.has(row.status) || isLetGo))
    parts.state.put(confirmed(row, event), parts.now());
  else takeBan(event, parts, queued);
}

/** Keeps a ban which is of no event that the server knows from now on. */
function keep(row: BanRow, parts: DecideParts, queued: BanRow[]): void {
  if (row.seq === 0 || row.status === 'lifting') return;
  const kept = lacking(row);
  parts.state.put(kept, parts.now());
  // Its command may be under way for the row before: queued again, the ban ends as this row.
  if (kept.status === 'pending') queued.push(kept);
}
