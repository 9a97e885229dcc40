import type { Request, VerdictWord } from '@banshare/protocol';
import { failpoint, monotonicSeconds } from '@banshare/runtime';
import { readIncoming, type ReportPort } from '@banshare/transport';
import { framesOf, refuse, retry, type Answer, answerOf } from '../words/answer.ts';
import type { LimitKeeper } from '../judging/limits.ts';
import { madeAt } from '../judging/made-at.ts';
import { catchUp } from './catch-up.ts';
import { SenderCheck } from './check-sender.ts';
import type { HostBook } from '../fleet/hosts.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { PageTurns } from './sync-queue.ts';
import type { Membership } from '../fleet/membership.ts';
import type { Rotation } from '../fleet/rotation.ts';
import type { Aim, Decide, Recorded, Submission } from '../words/submission.ts';
import type { Host } from '../words/hosts/host.ts';

/** What the intake tells the rest of the server; each is called after the fact, but for `held`. */
export type Notices = {
  refused: (answer: Answer, from: string) => void;
  enrolled: (host: Host, wanted: string) => void;
  ledgerFailed: (error: Error) => void;
  /** A host's report got its answer; where it was judged, so many seconds after it had come. */
  answered: (prog: string, verdict: VerdictWord, seconds?: number) => void;
  /** A host went over to its next key. */
  rotated: (host: Host) => void;
  /** A host said something whole and signed, over the connection of that name. */
  heard: (host: Host, connection: string) => void;
  /** New bans are held, so many at once; within the piece that holds them, and what is returned is called when they are. */
  held: (count: number, first: Pick<Recorded, 'code' | 'reason'>) => (() => void) | undefined;
};

/** What else a request may carry instead of a signature. */
const TAKES = 'mac';

const LIMIT = retry('limit', 'this host reports more than its limit: it is taken later', 10);
const TOO_MANY_WORDS = retry('limit', 'this host says more than any host needs to', 5);
const TOO_MANY_PAGES = retry('limit', 'this host asks for too many pages at once', 1);
const LEDGER_FAILED = retry('ledger', 'the server cannot write its ledger now');

/** A request whose sender is proven, and the way back to it. */
type Arrived = { envelope: Buffer[]; request: Request; host: Host | undefined };

/** A report or unban, and the key of its host that proved it. */
type Reported = { envelope: Buffer[]; submission: Submission; host: Host; key: string };

/**
 * The report port. Requests that arrive together are judged and committed together, and each is answered only after that
 * commit; what was published new leaves behind the answers, from the ledger.
 */
export class Intake {
  readonly #port: ReportPort;
  readonly #ledger: Ledger;
  readonly #book: HostBook;
  readonly #decide: Decide;
  readonly #aim: Aim;
  readonly #limits: Pick<LimitKeeper, 'admitsReport' | 'admitsWord'>;
  readonly #senders: SenderCheck;
  readonly #pages = new PageTurns();
  readonly #membership: Membership;
  readonly #rotation: Rotation;
  readonly #notices: Notices;
  readonly #now: () => number;

  constructor(parts: {
    port: ReportPort;
    ledger: Ledger;
    book: HostBook;
    decide: Decide;
    aim: Aim;
    /** Whether a host is below its limits. */
    limits: Pick<LimitKeeper, 'admitsReport' | 'admitsWord'>;
    serverKeys: ReadonlySet<string>;
    /** The secret half of a server key in service. */
    secretOf: (serverKey: string) => string | undefined;
    membership: Membership;
    rotation: Rotation;
    notices: Notices;
    now: () => number;
  }) {
    this.#port = parts.port;
    this.#ledger = parts.ledger;
    this.#book = parts.book;
    this.#decide = parts.decide;
    this.#aim = parts.aim;
    this.#limits = parts.limits;
    this.#senders = new SenderCheck(parts.book, parts.serverKeys, parts.secretOf);
    this.#membership = parts.membership;
    this.#rotation = parts.rotation;
    this.#notices = parts.notices;
    this.#now = parts.now;
  }

  /** Handles one batch of received messages to its end. */
  async handle(messages: readonly (readonly Buffer[])[]): Promise<void> {
    const now = this.#now();
    const began = monotonicSeconds();
    const batch: Reported[] = [];
    for (const frames of messages) {
      const proven = this.#prove(frames, now);
      if (proven === undefined) continue;
      // Not awaited, as what is answered later: reports need not wait for it.
      if (isByNextKey(proven)) void this.#goOver(proven, now, began);
      else this.#take(proven, now, batch);
    }
    if (batch.length > 0) await this.#submit(batch, began);
  }

  /** Reads nothing more for hosts that catch up, once the port is closed and all batches are handled. */
  close(): void {
    this.#pages.close();
  }

  /** Has what a proven request asks for be done, and gathers what is recorded with others. */
  #take(proven: Arrived, now: number, batch: Reported[]): void {
    const { envelope, request, host } = proven;
    const submission = host === undefined ? undefined : submissionOf(request, host, now);
    if (submission !== undefined && host !== undefined) {
      if (this.#limits.admitsReport(submission.host.id, now))
        batch.push({ envelope, submission, host, key: request.key });
      else this.#answerReport({ envelope, submission }, LIMIT);
    } else if (request.kind === 'sync' && host !== undefined) {
      const turn = this.#pages.add(host.id, () => this.#answerLater(proven, now));
      if (!turn) this.#answer(envelope, request.id, TOO_MANY_PAGES);
    } else if (host !== undefined && !this.#limits.admitsWord(host.id, now)) {
      this.#answer(envelope, request.id, TOO_MANY_WORDS);
    }
    // Not awaited: opening the publish port's door for a new host may take seconds, and reports must not wait for it.
    else void this.#answerLater(proven, now);
  }

  #prove(frames: readonly Buffer[], now: number): Arrived | undefined {
    const incoming = readIncoming(frames);
    if ('fault' in incoming) {
      const envelope =
        incoming.envelope.length > 1 ? incoming.envelope : [...incoming.envelope, Buffer.alloc(0)];
      this.#tell(envelope, '', refuse('malformed', incoming.fault), 'a peer');
      return undefined;
    }
    const checked = this.#senders.check(incoming, now);
    const { envelope } = incoming;
    if ('answer' in checked) {
      this.#tell(envelope, checked.id, checked.answer, 'a peer');
      return undefined;
    }
    const { request, host } = checked;
    // A host that waits or is shut out may ask to be enrolled: that says nothing of where the fleet is.
    if (host?.state === 'active') this.#notices.heard(host, envelope[0]?.toString('latin1') ?? '');
    return { envelope, request, host };
  }

  /** What a next key signs makes it the host's one key, before anything else comes of it. */
  async #goOver(proven: Arrived & { host: Host }, now: number, began: number): Promise<void> {
    const { envelope, request, host } = proven;
    try {
      if (await this.#rotation.use(host, request.key)) this.#notices.rotated(host);
    } catch (error) {
      this.#notices.ledgerFailed(error as Error);
      this.#answer(envelope, request.id, LEDGER_FAILED);
      return;
    }
    const gone = goneSince(this.#book, host, request.key);
    if (gone !== undefined) {
      this.#tell(envelope, request.id, gone, host.name);
      return;
    }
    const batch: Reported[] = [];
    this.#take(proven, now, batch);
    if (batch.length > 0) await this.#submit(batch, began);
  }

  async #answerLater({ envelope, request, host }: Arrived, now: number): Promise<void> {
    try {
      const answer = await this.#answerTo(request, host, now);
      this.#tell(envelope, request.id, answer, host?.name ?? 'a peer');
    } catch (error) {
      this.#notices.ledgerFailed(error as Error);
      this.#answer(envelope, request.id, LEDGER_FAILED);
    }
  }

  async #answerTo(request: Request, host: Host | undefined, now: number): Promise<Answer> {
    if (request.kind === 'enrol') {
      const { answer, newcomer } = await this.#membership.enrol(request);
      if (newcomer !== undefined) this.#notices.enrolled(newcomer, request.name);
      return answer;
    }
    if (host === undefined) return refuse('unknown-key', 'this host key is not enrolled here');
    if (request.kind === 'rotate') return this.#rotation.ask(request, host);
    if (request.kind === 'sync') return catchUp(request, this.#ledger, now);
    if (request.kind === 'ack') await this.#book.acknowledge(host, request, request.at - now, now);
    // An operator may have given it another name.
    return { status: 'OK', verdict: 'accepted', fields: { name: host.name, takes: TAKES } };
  }

  async #submit(batch: readonly Reported[], began: number): Promise<void> {
    const senders = new Map(batch.map(({ submission, host, key }) => [submission, { host, key }]));
    const refuses = (submission: Submission): Recorded | undefined => {
      const sender = senders.get(submission);
      const gone = sender === undefined ? undefined : goneSince(this.#book, sender.host, sender.key);
      return gone === undefined ? undefined : { ...gone, events: [] };
    };
    let recorded: Recorded[];
    let alarm: (() => void) | undefined;
    try {
      recorded = await this.#ledger.record([...senders.keys()], this.#decide, this.#aim, {
        refuses,
        note: (done) => {
          const held = done.filter(({ verdict }) => verdict === 'held');
          alarm = held[0] === undefined ? undefined : this.#notices.held(held.length, held[0]);
        },
      });
    } catch (error) {
      this.#notices.ledgerFailed(error as Error);
      for (const reported of batch) this.#answerReport(reported, LEDGER_FAILED);
      return;
    }
    const { epoch } = this.#ledger.head();
    failpoint('before-answer');
    const seconds = monotonicSeconds() - began;
    for (const [index, reported] of batch.entries()) {
      const result = recorded[index];
      if (result !== undefined) this.#answerReport(reported, answerOf(result, epoch), seconds);
    }
    alarm?.();
  }

  #answerReport(
    { envelope, submission }: Pick<Reported, 'envelope' | 'submission'>,
    answer: Answer,
    seconds?: number,
  ): void {
    this.#tell(envelope, submission.id, answer, submission.host.name);
    if (submission.kind === 'report') this.#notices.answered(submission.report.prog, answer.verdict, seconds);
  }

  #tell(envelope: Buffer[], id: string, answer: Answer, from: string): void {
    if (answer.status === 'REFUSED') this.#notices.refused(answer, from);
    this.#answer(envelope, id, answer);
  }

  #answer(envelope: Buffer[], id: string, answer: Answer): void {
    void this.#port.answer(envelope, framesOf(answer, id, this.#now()));
  }
}

/** A message of a host that has gone over to another key than that which its messages were checked by until now. */
function isByNextKey(arrived: Arrived): arrived is Arrived & { host: Host } {
  const { request, host } = arrived;
  // To enrol means to be unsure which key counts.
  return host !== undefined && host.next?.key === request.key && request.kind !== 'enrol';
}

/** Who was shut out, or went over to another key, after the proof of a request was checked: nothing comes of it any more. */
function goneSince(
  book: HostBook,
  host: Host,
  key: string,
): (Answer & { verdict: 'refused'; code: string; reason: string }) | undefined {
  const isIn = book.byKey(key) === host && host.state === 'active';
  if (isIn) return undefined;
  const code = host.state === 'revoked' ? 'revoked' : 'unknown-key';
  return {
    status: 'REFUSED',
    verdict: 'refused',
    code,
    reason: `the key of ${host.name} is no longer let in`,
  };
}

function submissionOf(request: Request, host: Host, now: number): Submission | undefined {
  const at = madeAt(request, now, host.clockAhead);
  const waited = request.age === undefined ? {} : { waited: request.age };
  const common = { host: { id: host.id, name: host.name }, id: request.id, at, received: now, ...waited };
  if (request.kind === 'report') return { ...common, kind: 'report', report: request.report };
  if (request.kind === 'unban') return { ...common, kind: 'unban', ban: request.ban };
  return undefined;
}
