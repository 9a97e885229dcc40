import type { Event, Request } from '@banshare/protocol';
import { failpoint } from '@banshare/runtime';
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
import type { Host } from '../words/host.ts';

/** What the intake tells the rest of the server; each is called after the fact. */
export type Notices = {
  refused: (answer: Answer, from: string) => void;
  enrolled: (host: Host, wanted: string) => void;
  ledgerFailed: (error: Error) => void;
  /** A host went over to its next key. */
  rotated: (host: Host) => void;
  /** A host said something whole and signed, over the connection of that name. */
  heard: (host: Host, connection: string) => void;
  /** New bans were held, so many at once. */
  held: (count: number, reason: string) => void;
};

/** What else a request may carry in the place of a signature. */
const TAKES = 'mac';

const LIMIT = retry('limit', 'this host reports more than its limit: it is taken later', 10);
const TOO_MANY_WORDS = retry('limit', 'this host says more than any host needs to', 5);
const TOO_MANY_PAGES = retry('limit', 'this host asks for too many pages at once', 1);
const LEDGER_FAILED = retry('ledger', 'the server cannot write its ledger now');

/**
 * The report port. Requests that arrive together are judged and committed together, and each is answered only after that
 * commit; what was published new leaves through `distribute` after the answers.
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
  readonly #distribute: (events: readonly Event[]) => void;
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
    distribute: (events: readonly Event[]) => void;
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
    this.#distribute = parts.distribute;
    this.#notices = parts.notices;
    this.#now = parts.now;
  }

  /** Handles one batch of received messages to its end. */
  async handle(messages: readonly (readonly Buffer[])[]): Promise<void> {
    const now = this.#now();
    const submissions: { envelope: Buffer[]; submission: Submission }[] = [];
    for (const frames of messages) {
      const proven = this.#prove(frames, now);
      if (proven === undefined) continue;
      const { envelope, request, host } = proven;
      const submission = host === undefined ? undefined : submissionOf(request, host, now);
      if (submission !== undefined) {
        if (this.#limits.admitsReport(submission.host.id, now)) submissions.push({ envelope, submission });
        else this.#answer(envelope, request.id, LIMIT);
      } else if (request.kind === 'sync' && host !== undefined) {
        const turn = this.#pages.add(host.id, () => this.#answerLater(envelope, request, host, now));
        if (!turn) this.#answer(envelope, request.id, TOO_MANY_PAGES);
      } else if (host !== undefined && !this.#limits.admitsWord(host.id, now)) {
        this.#answer(envelope, request.id, TOO_MANY_WORDS);
      }
      // Not awaited: opening the publish port's door for a new host may take seconds, and reports must not wait for it.
      else void this.#answerLater(envelope, request, host, now);
    }
    if (submissions.length > 0) await this.#submit(submissions);
  }

  #prove(
    frames: readonly Buffer[],
    now: number,
  ): { envelope: Buffer[]; request: Request; host: Host | undefined } | undefined {
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
    if (host === undefined || this.#goesOver(request, host)) return { envelope, ...checked };
    this.#answer(envelope, request.id, LEDGER_FAILED);
    return undefined;
  }

  /** What a next key signs makes it the host's one key, before anything else comes of it; returns whether that is so. */
  #goesOver({ key, kind }: Request, host: Host): boolean {
    // To enrol means to be unsure which key counts.
    if (host.next?.key !== key || kind === 'enrol') return true;
    try {
      this.#rotation.use(host);
      this.#notices.rotated(host);
      return true;
    } catch (error) {
      this.#notices.ledgerFailed(error as Error);
      return false;
    }
  }

  async #answerLater(
    envelope: Buffer[],
    request: Request,
    host: Host | undefined,
    now: number,
  ): Promise<void> {
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
    if (request.kind === 'ack') this.#book.acknowledge(host, request, request.at - now, now);
    // An operator may have given it another name.
    return { status: 'OK', verdict: 'accepted', fields: { name: host.name, takes: TAKES } };
  }

  async #submit(batch: readonly { envelope: Buffer[]; submission: Submission }[]): Promise<void> {
    const submissions = batch.map(({ submission }) => submission);
    let recorded;
    try {
      recorded = await this.#ledger.record(submissions, this.#decide, this.#aim);
    } catch (error) {
      this.#notices.ledgerFailed(error as Error);
      for (const { envelope, submission } of batch) this.#answer(envelope, submission.id, LEDGER_FAILED);
      return;
    }
    const { epoch } = this.#ledger.head();
    failpoint('before-answer');
    for (const [index, { envelope, submission }] of batch.entries()) {
      const result = recorded[index];
      if (result === undefined) continue;
      const answer = answerOf(result, epoch);
      this.#tell(envelope, submission.id, answer, submission.host.name);
    }
    const events = recorded.flatMap(({ events: published }) => published);
    if (events.length > 0) this.#distribute(events);
    this.#noticeHeld(recorded);
  }

  #noticeHeld(recorded: readonly Recorded[]): void {
    const held = recorded.filter(({ verdict }) => verdict === 'held');
    if (held.length === 0) return;
    try {
      this.#notices.held(held.length, held[0]?.reason ?? '');
    } catch (error) {
      this.#notices.ledgerFailed(error as Error);
    }
  }

  #tell(envelope: Buffer[], id: string, answer: Answer, from: string): void {
    if (answer.status === 'REFUSED') this.#notices.refused(answer, from);
    this.#answer(envelope, id, answer);
  }

  #answer(envelope: Buffer[], id: string, answer: Answer): void {
    void this.#port.answer(envelope, framesOf(answer, id, this.#now()));
  }
}

function submissionOf(request: Request, host: Host, now: number): Submission | undefined {
  const at = madeAt(request, now, host.clockAhead);
  const common = { host: { id: host.id, name: host.name }, id: request.id, at, received: now };
  if (request.kind === 'report') return { ...common, kind: 'report', report: request.report };
  if (request.kind === 'unban') return { ...common, kind: 'unban', ban: request.ban };
  return undefined;
}
