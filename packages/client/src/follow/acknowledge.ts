import {
  ACK_BODY_LIMIT,
  droppedFields,
  encodeJson,
  outcomeFields,
  parseHostName,
  type Dropped,
  type HostName,
  type Outcome,
  type Position,
  type Receipt,
  type Took,
  tookFields,
  type Uncounted,
} from '@banshare/protocol';
import { type ClientConfig, monotonicSeconds, outsideAddresses, nodeBuild, version } from '@banshare/runtime';
import type { ServerChoice } from '../server/server-choice.ts';
import type { ServerLink } from '../server/server-link.ts';
import type { State } from '../bans/state.ts';

const TIMEOUT_MS = 4000;

const MOST_OUTCOMES = 50;
/** What outcomes may take of an ack's body, as JSON; the rest is for the other fields. */
const OUTCOME_BYTES = ACK_BODY_LIMIT - 2048;
/** The longest reason in a receipt: a receipt says more than any outcome, and must leave room for these. */
const LONGEST_REASON = 60;
/** What was dropped is told after each reading, and this often, in seconds: a server that was started anew knows nothing of it. */
const DROPPED_SECONDS = 60;
/** What settles together is told together. */
const GATHER_MS = 20;

/**
 * Tells the server how far this host is, and what was not simply applied. One acknowledgement is under way at a time; a ring
 * meanwhile leads to one more.
 */
export class Acknowledger {
  readonly #link: ServerLink;
  readonly #state: State;
  readonly #host: AcknowledgerHost;
  readonly #through: { server?: string };
  #isBusy = false;
  #isWanted = false;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #told: { epoch: string; applied: number } | undefined;
  /** Which figures the server has, and since when. */
  #figures: { readings: number; at: number } | undefined;

  constructor(link: ServerLink, state: State, host: AcknowledgerHost) {
    this.#link = link;
    this.#state = state;
    this.#host = host;
    const { current, others } = host.servers;
    this.#through = others.length === 0 ? {} : { server: current };
  }

  /** Acknowledges soon. */
  ring(): void {
    if (this.#isClosed) return;
    this.#isWanted = true;
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#timer = setTimeout(() => void this.#work(), GATHER_MS);
  }

  /** Reads the state no more, which may be closed from now on: what is untold stays in it for the next connection. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #work(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      const figures = this.#figuresDue();
      const untold = this.#state.untold(MOST_OUTCOMES + 1);
      const room = OUTCOME_BYTES - bytesOf(figures);
      const outcomes = fitting(untold.slice(0, MOST_OUTCOMES), room);
      const next = untold[outcomes.length];
      if (!(await this.#tell(outcomes, next?.seq, figures)) || this.#isClosed) break;
      if (figures.dropped !== undefined)
        this.#figures = { readings: figures.readings, at: monotonicSeconds() };
      this.#state.told(outcomes);
      if (next !== undefined) this.#isWanted = true;
    }
    this.#isBusy = false;
  }

  /** What was dropped, where that is to be told again. */
  #figuresDue(): Figures {
    const { dropped } = this.#host;
    const { readings } = dropped;
    const isTold =
      this.#figures?.readings === readings && monotonicSeconds() - this.#figures.at < DROPPED_SECONDS;
    const took = this.#host.times.take();
    return isTold ? { readings, took } : { readings, took, dropped: dropped.dropped() };
  }

  /** Everything up to `applied` is carried out, or its failure is told: `untold` is the first event of which that is still to come. */
  async #tell(
    outcomes: readonly Outcome[],
    untold: number | undefined,
    { dropped, took }: Figures,
  ): Promise<boolean> {
    const position = this.#state.position();
    if (position === undefined || this.#state.isPartial) return false;
    const applied = this.#reached(position, untold);
    const lacking = this.#state.lackingCount();
    const asked = monotonicSeconds();
    const answer = await this.#link.ask(
      {
        kind: 'ack',
        epoch: position.epoch,
        applied,
        // The tail of an event before the position is not kept.
        tail: applied === position.seq ? position.tail : '',
        instance: this.#host.instance,
        version,
        generation: this.#host.generation,
        addresses: outsideAddresses(this.#host.config.addresses),
        outcomes,
        ...(this.#host.takesRanges ? { ranges: true } : {}),
        receipt: shortened(this.#host.receipt()),
        spool: this.#host.spooled(),
        node: nodeBuild,
        ...(dropped === undefined ? {} : { dropped }),
        took,
        ...this.#through,
        ...(lacking === 0 ? {} : { lacking }),
      },
      TIMEOUT_MS,
    );
    if (answer.ok) this.#host.times.answered(monotonicSeconds() - asked);
    if (answer.ok && answer.reply.status === 'OK') this.#hearName(answer.reply.fields['name']);
    // A lost acknowledgement is followed by the next tick's.
    return answer.ok && answer.reply.status === 'OK';
  }

  #reached({ epoch, seq }: Position, untold = Infinity): number {
    const unsettled = this.#state.oldestUnsettled() ?? Infinity;
    const carriedOut = Math.min(seq, unsettled - 1);
    // What was tried again long after is told as an outcome; it does not take back a position that was told.
    const told = this.#told?.epoch === epoch ? this.#told.applied : 0;
    const before = Math.min(told, carriedOut);
    const applied = Math.max(before, Math.min(carriedOut, untold - 1));
    this.#told = { epoch, applied };
    return applied;
  }

  #hearName(text: unknown): void {
    const name = parseHostName(typeof text === 'string' ? text : '');
    if (name.ok) this.#host.named(name.value);
  }
}

/** How long bans took here since that was told last, and the round trips to the server, which they are reckoned with. */
export type TimesHere = { take: () => readonly Took[]; answered: (seconds: number) => void };

/** What was dropped here, and how often that was read. */
export type DroppedHere = { readonly readings: number; dropped: () => Dropped | Uncounted };

/** What is to be told of what was dropped, if anything. */
type Figures = { readings: number; took: readonly Took[]; dropped?: Dropped | Uncounted };

function bytesOf({ dropped, took }: Figures): number {
  const told = dropped === undefined ? {} : droppedFields(dropped);
  return Buffer.byteLength(encodeJson([told, tookFields(took)]));
}

/** `named` hears what the server calls this host, with each answer. */
export type AcknowledgerHost = {
  instance: string;
  generation: string;
  config: ClientConfig;
  /** Whether everything that this host applies can be a range. */
  takesRanges: boolean;
  /** What is really in place here. */
  receipt: () => Receipt;
  /** How many reports wait here for a server. */
  spooled: () => number;
  dropped: DroppedHere;
  times: TimesHere;
  named: (name: HostName) => void;
  servers: Pick<ServerChoice, 'current' | 'others'>;
};

/** The first of them, as many as an ack holds: a reason may take six bytes a character. */
function fitting(outcomes: readonly Outcome[], most: number): Outcome[] {
  let bytes = 0;
  const end = outcomes.findIndex((outcome) => {
    bytes += Buffer.byteLength(encodeJson(outcomeFields(outcome))) + 1;
    return bytes > most;
  });
  return outcomes.slice(0, end < 0 ? outcomes.length : end);
}

/** The reasons in a receipt leave room for outcomes. */
function shortened({ blind, why, ...receipt }: Receipt): Receipt {
  return {
    ...receipt,
    ...(blind === undefined ? {} : { blind: blind.slice(0, LONGEST_REASON) }),
    ...(why === undefined ? {} : { why: why.slice(0, LONGEST_REASON) }),
  };
}

/** Lets the part that carries out bans ask the connection to acknowledge now rather than with the next tick. */
export class Bell {
  #listener: (() => void) | undefined;

  /** Rings reach this listener until it is replaced. */
  listen(listener: () => void): void {
    this.#listener = listener;
  }

  ring(): void {
    this.#listener?.();
  }
}
