import type { FaultLog, Log, SteadyClock } from '@banshare/runtime';
import type { LimitKeeper } from './judging/limits.ts';
import type { TokenBook } from './fleet/tokens.ts';
import type { HostBook } from './fleet/hosts.ts';
import type { Membership } from './fleet/membership.ts';
import type { Freeze } from './judging/freeze.ts';
import type { RateWatch } from './judging/rate-watch.ts';
import type { NeverBan } from './never-ban/never-ban.ts';
import type { Claims } from './ledger/books/claims.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Audit } from './ledger/books/audit.ts';
import { aheadOf, MOST_AHEAD, type Log as SharedLog } from './log/log.ts';
import { endNeverBans } from './operator/deeds/never-ban.ts';

const FLUSH_MS = 5000;
const SWEEP_MS = 60_000;
/** What is over waits for so long at most where the server that removes it has died. */
const SWEEPER_SECONDS = 600;
/** Rows removed in one go: reports wait meanwhile. */
const AT_ONCE = 500;

/** What is done by the clock: acknowledgements are written, and what is no longer needed is removed, a little at a time. */
export function startUpkeep(parts: {
  ledger: Ledger;
  claims: Claims;
  shared: SharedLog | undefined;
  book: HostBook;
  faults: FaultLog;
  /** How long events are kept, by now. */
  keep: () => { keepSeconds: number; keepEvidenceSeconds: number };
  clock: SteadyClock;
  limits: LimitKeeper;
  membership: Membership;
  tokens: TokenBook;
  neverBan: NeverBan;
  rates: RateWatch;
  freeze: Freeze;
  audit: Audit;
  log: Log;
}): { stop: () => Promise<void> } {
  const { ledger, claims, book, faults, keep, clock, membership, neverBan, rates } = parts;
  const attempt = async (what: string, work: () => unknown): Promise<void> => {
    try {
      await work();
      faults.over(what);
    } catch (error) {
      // No fault: what was to be done comes again.
      if (isJustMoved(ledger)) return;
      faults.fault(what, `Cannot ${what}`, { error: (error as Error).message });
    }
  };
  const sweep = async (): Promise<void> => {
    // What is over by this machine's clock alone others still need.
    if ((aheadOf(parts.shared, clock.now()) ?? 0) >= MOST_AHEAD) return;
    if (!(await claims.claim('sweep', SWEEPER_SECONDS))) return;
    const { keepSeconds, keepEvidenceSeconds } = keep();
    while (await ledger.sweep(clock.now(), keepSeconds, AT_ONCE, keepEvidenceSeconds))
      await new Promise((resolve) => setImmediate(resolve));
  };
  const every = (ms: number, what: string, work: () => unknown): NodeJS.Timeout =>
    setInterval(() => void attempt(what, work), ms);
  const flushRates = (): Promise<void> => rates.flush(clock.now());
  const timers = [
    every(FLUSH_MS, 'write acknowledgements', () => book.flush()),
    every(FLUSH_MS, 'write where hosts were seen', () => neverBan.flush(clock.now())),
    every(FLUSH_MS, 'write how many bans there were', flushRates),
    every(SWEEP_MS, 'end a freeze', () => noticeThaw(parts)),
    every(FLUSH_MS, 'end what was not to be banned for a time', () => endNeverBansHere(parts)),
    every(SWEEP_MS, 'remove old events', sweep),
    every(SWEEP_MS, 'forget hosts that no longer wait', () => membership.forgetUnheard()),
    ...tokenTimers(parts, every),
    every(SWEEP_MS, 'note that enrolment is open no more', () => membership.noticeEnd()),
    setInterval(() => sumUp(parts), SWEEP_MS),
  ];
  return {
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      // What hosts had said is in the log, and nothing more is written here.
      if (isJustMoved(ledger)) return;
      const last = (): Promise<unknown> =>
        Promise.all([book.flush({ everything: true }), neverBan.flush(clock.now()), flushRates()]);
      // Where it is written elsewhere, that may be away just now: hosts say it again.
      await (ledger.isShared ? attempt('write at the end what hosts have said', last) : last());
    },
  };
}

/** Whether it is being moved into a log, and refuses to be written. */
function isJustMoved(ledger: Ledger): boolean {
  return ledger.isShared && ledger.replica() === undefined;
}

function sumUp({
  faults,
  limits,
  clock,
}: Pick<Parameters<typeof startUpkeep>[0], 'faults' | 'limits' | 'clock'>): void {
  faults.sumUp();
  limits.sweep(clock.now());
  const jump = clock.jump();
  if (jump === 0) return;
  const text =
    "This machine's clock is not at the time that bans go by: it was set, or was behind at the start";
  faults.fault('clock', text, { seconds: jump });
}

function tokenTimers(
  { ledger, tokens }: Pick<Parameters<typeof startUpkeep>[0], 'ledger' | 'tokens'>,
  every: (ms: number, what: string, work: () => unknown) => NodeJS.Timeout,
): NodeJS.Timeout[] {
  const forget = async (): Promise<void> => {
    if (tokens.hasOld) await ledger.write(() => tokens.sweep());
  };
  return [
    every(FLUSH_MS, 'shut out who came by a token that has ended', () => tokens.noticeEnds()),
    every(SWEEP_MS, 'forget tokens that ended long ago', forget),
  ];
}

/** What is over by this machine's clock alone the other servers still protect. */
async function endNeverBansHere(parts: Parameters<typeof startUpkeep>[0]): Promise<void> {
  const { ledger, neverBan, audit, clock, log, shared } = parts;
  const now = (): number => clock.now();
  if ((aheadOf(shared, now()) ?? 0) >= MOST_AHEAD) return;
  for (const range of await endNeverBans({ ledger, neverBan, audit, now }))
    log.notice('The time is over for which it was never to be banned', { range });
}

async function noticeThaw({
  ledger,
  freeze,
  faults,
  clock,
}: Parameters<typeof startUpkeep>[0]): Promise<void> {
  if (!freeze.hasEnded(clock.now())) return;
  const isNews = await ledger.write(() => {
    if (!freeze.hasEnded(clock.now())) return false;
    freeze.end(clock.now());
    return true;
  });
  if (!isNews) return;
  const text =
    'The freeze is over by itself; what it held waits for banshare-server held publish or held discard';
  faults.fault('the end of a freeze', text, { held: ledger.countHeld() });
}
