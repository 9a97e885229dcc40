import { oneLine } from '@banshare/protocol';
import type { AdminReply, ServerConfig } from '@banshare/runtime';
import type { Claims } from '../../ledger/books/claims.ts';
import { span } from '../../words/phrases.ts';
import type { Args } from '../deeds/bans.ts';
import type { Entry, Facts } from './facts.ts';

/** What the process that speaks to the world is told. */
export type Told = {
  urgent: Entry[];
  todo: Entry[];
  /** Whether the server commits and publishes. */
  isAtWork: boolean;
  /** Whether this one of several servers speaks for the fleet. */
  speaks: boolean;
  /** How often the configuration was taken over anew. */
  reloads: number;
};

/** Of several servers the one that speaks; when it dies another does after so many seconds. */
const SPEAKER_SECONDS = 120;
/** The process that sends messages asks every few seconds. */
const SILENT_SECONDS = 300;
const MOST_FAILING = 10;
const LONGEST_FAILING = 300;

/** What the process that speaks to the world has said of itself. */
export class MessageWatch {
  readonly #config: Pick<ServerConfig, 'notify' | 'deadMan'>;
  #askedAt: number | null = null;
  #failing: readonly string[] = [];

  constructor(config: Pick<ServerConfig, 'notify' | 'deadMan'>) {
    this.#config = config;
  }

  /** It asks, and says which receivers cannot be reached. */
  asked(failing: readonly unknown[], now: number): void {
    this.#askedAt = now;
    this.#failing = failing
      .filter((each) => typeof each === 'string')
      .slice(0, MOST_FAILING)
      .map((each) => oneLine(each.slice(0, LONGEST_FAILING)));
  }

  facts(startedAt: number, now: number): Facts['messages'] {
    const { notify, deadMan } = this.#config;
    const receivers = notify.length + ((deadMan.url ?? deadMan.urlFile) === undefined ? 0 : 1);
    if (receivers === 0) return null;
    const silentSeconds = now - (this.#askedAt ?? startedAt);
    return {
      receivers,
      askedAt: this.#askedAt,
      failing: silentSeconds < SILENT_SECONDS ? this.#failing : [],
      silentSeconds: silentSeconds < SILENT_SECONDS ? null : silentSeconds,
    };
  }
}

type Outages = Pick<Facts, 'cannotCommit' | 'cannotPublish'>;

type Parts = {
  messageWatch: MessageWatch;
  claims: Pick<Claims, 'claim'>;
  reloader: { count: number };
  now: () => number;
};

/** What a person has to know now, for the process that tells it. */
export async function tellAttention(
  args: Args,
  status: (tryWriting: boolean) => Promise<Pick<Told, 'urgent' | 'todo'> & Outages>,
  { messageWatch, claims, reloader, now }: Parts,
): Promise<AdminReply> {
  const { failing } = args;
  messageWatch.asked(Array.isArray(failing) ? failing : [], now());
  const { urgent, todo, cannotCommit, cannotPublish } = await status(args['tryWriting'] === true);
  // Where nobody can claim anything each speaks: better twice than not at all.
  const speaks = await claims.claim('messages', SPEAKER_SECONDS).catch(() => true);
  const isAtWork = cannotCommit === null && cannotPublish === null;
  return { ok: true, result: { urgent, todo, isAtWork, speaks, reloads: reloader.count } satisfies Told };
}

/** Messages that do not go out are told where somebody looks by himself. */
export function messagesAttention({ messages }: Facts): Entry[] {
  if (messages === null) return [];
  const { silentSeconds, failing } = messages;
  if (silentSeconds !== null) {
    const text = `No messages go out, since banshare-outside has not asked this server for ${span(silentSeconds)}: systemctl enable --now banshare-outside, or look at journalctl -u banshare-outside`;
    return [{ code: 'messages-silent', text }];
  }
  if (failing.length === 0) return [];
  const text = `Messages do not go out to ${failing.join('; ')}: banshare-server notify --test tries it`;
  return [{ code: 'messages-failing', text }];
}
