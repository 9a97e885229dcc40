import type { Level, Memory, Thing } from './news.ts';
import { digestOf, mayBeSent, NOTHING, noted, said } from './news.ts';
import { messageOf, testMessage } from './message.ts';
import type { Receiver } from './receivers.ts';
import type { Result } from '@banshare/protocol';

/** After a failure it is tried again, later each time, with what is to be said by then; times are seconds. */
const AGAIN_SECONDS = [30, 60, 120, 300, 600];

type SpeakerParts = {
  receiver: Receiver;
  server: string;
  /** Epoch seconds. */
  now: () => number;
  /** What was said to it before. */
  memory?: Memory | undefined;
  /** Hears that there is something new to keep. */
  changed: () => void;
  /** Hears that a message did not go out, and that one did again. */
  failed: (receiver: Receiver, fault: string) => void;
  went: (receiver: Receiver) => void;
};

/** What a server has told about now; `things` is undefined where it cannot be asked: then nothing is over. */
export type Heard = {
  things: readonly Thing[];
  isSpeaker: boolean;
  isMine: (code: string) => boolean;
};

/** How a receiver does, for people. */
export type Health = {
  name: string;
  lastSent: number | null;
  failingSince: number | null;
  why: string | null;
};

/**
 * Tells one receiver. It is idle, or a message is under way, in which time only notes are taken: so a receiver that hangs delays
 * nobody but itself, and what waits for it is one digest, however long it takes.
 */
export class Speaker {
  readonly #parts: SpeakerParts;
  #memory: Memory;
  #isSending = false;
  #failures = 0;
  #failingSince: number | null = null;
  #why: string | null = null;
  #notBefore = 0;

  constructor(parts: SpeakerParts) {
    this.#parts = parts;
    this.#memory = parts.memory ?? NOTHING;
  }

  get receiver(): Receiver {
    return this.#parts.receiver;
  }

  get memory(): Memory {
    return this.#memory;
  }

  get health(): Health {
    const { name } = this.#parts.receiver;
    const lastSent = this.#memory.sentAt.at(-1) ?? null;
    return { name, lastSent, failingSince: this.#failingSince, why: this.#why };
  }

  /** Takes note of what stands now, and says what is new where that may be said. Resolves when that is done. */
  async hear({ things, ...speaks }: Heard): Promise<void> {
    const { receiver, server, now } = this.#parts;
    const mine = things.filter((thing) => isFor(receiver.for, thing));
    this.#memory = noted(this.#memory, mine, now(), speaks);
    if (this.#isSending || now() < this.#notBefore) return;
    const digest = digestOf(this.#memory, now(), speaks);
    if (digest === undefined || !mayBeSent(this.#memory, now(), receiver.atMost)) return;
    this.#isSending = true;
    try {
      const sent = await receiver.send(messageOf(digest, server, now()));
      if (sent.ok) this.#memory = said(this.#memory, digest, now(), receiver.atMost.withinSeconds);
      this.#note(sent);
    } finally {
      this.#isSending = false;
    }
  }

  /** Sends a test, whatever was sent before. */
  async test(): Promise<Result<unknown>> {
    const { receiver, server, now } = this.#parts;
    const sent = await receiver.send(testMessage(server, now()));
    if (sent.ok) this.#note(sent);
    return sent;
  }

  #note(sent: Result<unknown>): void {
    const { receiver, now, changed, failed, went } = this.#parts;
    if (sent.ok) {
      this.#failures = 0;
      this.#failingSince = null;
      this.#why = null;
      this.#notBefore = 0;
      went(receiver);
      changed();
      return;
    }
    this.#failingSince ??= now();
    this.#why = sent.fault;
    this.#notBefore = now() + (AGAIN_SECONDS[this.#failures] ?? AGAIN_SECONDS.at(-1) ?? 0);
    this.#failures = Math.min(this.#failures + 1, AGAIN_SECONDS.length);
    failed(receiver, sent.fault);
  }
}

function isFor(wanted: readonly string[], { level, code }: { level: Level; code: string }): boolean {
  return wanted.includes(level) || wanted.includes(code);
}
