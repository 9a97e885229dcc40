import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  encodeEvents,
  encodeHeartbeat,
  parseReply,
  type Address,
  type BanKey,
  type Event,
  type HostName,
  type JailName,
  type ProgName,
  type SyncRequest,
} from '@banshare/protocol';
import type { Answer } from '@banshare/transport';
import { framesOf } from '../../../packages/server/src/words/answer.ts';
import { catchUp } from '../../../packages/server/src/intake/catch-up.ts';
import { judge, judgeUnban } from '../../../packages/server/src/judging/judge.ts';
import { Ledger } from '../../../packages/server/src/ledger/ledger.ts';
import { copyOf } from '../../../packages/server/test/ledger-of-test.ts';
import { isActive } from '../../../packages/server/src/words/verdict.ts';
import type { Decide, Submission } from '../../../packages/server/src/words/submission.ts';

export type Message = { subject: string; body: string };

const POLICY = { windowSeconds: 300, defaultDurationSeconds: 86_400, maxDurationSeconds: -1 };

/** Where a server dies with a report in its hands. */
export type Death = 'before-commit' | 'after-commit' | 'before-publish' | 'never';

/**
 * The server of the model: the real ledger, judge and catch-up. Only sockets and processes are missing: what it publishes goes
 * to a list of listeners, and to die is to forget all that is not on disk.
 */
export class ModelServer {
  readonly #path: string;
  readonly #folder: string;
  #ledger: Ledger;
  #epochs = 0;
  #copies = 0;
  /** Every message goes to each; whether it arrives is the listener's affair. */
  readonly listeners: ((message: Message) => void)[] = [];
  /** What a reporter was told, each with the event that the answer named. */
  acknowledged: { ban: BanKey; seq: number }[] = [];
  /** Epoch seconds. */
  now = 1_795_257_600;

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, 'ledger.db');
    this.#ledger = this.#open();
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  /** Takes a report or a host's unban, and dies on the way if it has to. */
  async submit(submission: Submission, death: Death): Promise<void> {
    if (death === 'before-commit') return this.restart();
    const [recorded] = await this.#ledger.record([submission], decideAt(this.now));
    if (death === 'after-commit') return this.restart();
    const ban = submission.kind === 'report' ? submission.report : submission.ban;
    if (recorded?.seq !== undefined) this.acknowledged.push({ ban, seq: recorded.seq });
    if (death === 'before-publish') return this.restart();
    if (recorded !== undefined && recorded.events.length > 0) this.#publish(recorded.events);
  }

  /** An operator's unban. */
  async lift(ip: string): Promise<void> {
    this.now += 1;
    this.#publish(await this.#ledger.lift({ ip }, this.now));
    this.now += 1;
  }

  heartbeat(): void {
    this.#tell(encodeHeartbeat({ ...this.#ledger.head(), now: this.now }));
  }

  /** Answers sync over the words of the wire. */
  async sync(request: SyncRequest): Promise<Answer> {
    const answer = await catchUp(request, this.#ledger, this.now);
    const [status, body] = framesOf(answer, 'f'.repeat(32), this.now);
    const reply = parseReply(status, body);
    if (!reply.ok) throw new Error(reply.fault);
    return { ok: true, reply: reply.value };
  }

  /** Writes bans of no client's concern until the ledger goes beyond a seq. */
  async passBeyond(seq: number): Promise<void> {
    const filler = { prog: 'operator' as ProgName, jail: 'banshare' as JailName, until: null };
    while (this.#ledger.head().seq <= seq)
      await this.#ledger.ban([{ ip: '203.0.113.200' as Address, ...filler }], this.now, 'operator');
  }

  restart(): void {
    this.#ledger.close();
    this.#ledger = this.#open();
  }

  /** Keeps the ledger as it is, and returns how its machine goes back to that. */
  snapshot(): () => void {
    this.#copies += 1;
    const path = join(this.#folder, `snapshot${this.#copies}`);
    copyOf(this.#ledger, path);
    const acknowledged = [...this.acknowledged];
    return () => {
      this.#ledger.close();
      for (const suffix of ['-wal', '-shm']) rmSync(this.#path + suffix, { force: true });
      copyFileSync(path, this.#path);
      this.#ledger = this.#open();
      this.acknowledged = [...acknowledged];
    };
  }

  close(): void {
    this.#ledger.close();
  }

  #open(): Ledger {
    return new Ledger(this.#path, () => `epoch${(this.#epochs += 1)}`);
  }

  #publish(events: readonly Event[]): void {
    if (events.length > 0) this.#tell(encodeEvents(events));
  }

  #tell([subject, body]: [string, string]): void {
    for (const listen of this.listeners) listen({ subject, body });
  }
}

function decideAt(now: number): Decide {
  return (submission, known) =>
    submission.kind === 'report'
      ? judge(submission.report, POLICY, known.ban, now, known.past)
      : judgeUnban({ ...known, isActive: known.ban !== undefined && isActive(known.ban, now) });
}

/** What a reporter says; the n-th of a run has the n-th id. */
export function submissionOf(
  kind: 'report' | 'unban',
  n: number,
  what: { host: number; last: number; seconds: number },
  now: number,
): Submission {
  const ban = {
    ip: `203.0.113.${what.last}` as Address,
    prog: 'fail2ban' as ProgName,
    jail: 'sshd' as JailName,
  };
  const host = { id: what.host, name: `reporter${what.host}` as HostName };
  const common = { host, id: n.toString(16).padStart(32, '0'), at: now, received: now };
  return kind === 'report'
    ? { ...common, kind, report: { ...ban, durationSeconds: what.seconds } }
    : { ...common, kind, ban };
}
