/*
 * What is said to one receiver, and what was said already; pure. A thing is noted when it is first seen, said once, and said to be
 * over once it has been gone for a while: what comes and goes within a minute is no news. Many things of one kind are one digest.
 */

export type Level = 'urgent' | 'to-do';

/** One thing that a person has to know, as status has it. */
export type Thing = { readonly code: string; readonly text: string; readonly level: Level };

/** A thing that was seen; times are epoch seconds, `goneSince` null while it stands. */
export type Noted = Thing & {
  readonly firstSeen: number;
  readonly goneSince: number | null;
  readonly isSaid: boolean;
};

/** All that is kept of a receiver over a restart. */
export type Memory = {
  readonly noted: Readonly<Record<string, Noted>>;
  /** When the last messages went out. */
  readonly sentAt: readonly number[];
};

export const NOTHING: Memory = { noted: {}, sentAt: [] };

/** What is to be said now. */
export type Digest = { readonly news: readonly Thing[]; readonly over: readonly Thing[] };

/** So long something has to be gone before it is over: a restart of the server takes less. */
const OVER_SECONDS = 60;
/** Another server has said by then what stands for all of them, unless it has just died. */
const OTHERS_SECONDS = 300;

/**
 * Notes what stands now. Where another server speaks for the fleet, what it has had the time to say counts as said, so that
 * nothing is repeated when this one takes over; `isMine` are the things that only this server can say.
 */
export function noted(
  memory: Memory,
  standing: readonly Thing[],
  now: number,
  speaks: { isSpeaker: boolean; isMine: (code: string) => boolean },
): Memory {
  const current = new Map(standing.map((thing) => [keyOf(thing), thing]));
  const codes = new Set(standing.map(({ code }) => code));
  const next: Record<string, Noted> = {};
  for (const [key, before] of Object.entries(memory.noted)) {
    const thing = current.get(key);
    const goneSince = thing === undefined ? (before.goneSince ?? now) : null;
    const isLongGone = goneSince !== null && now - goneSince >= OVER_SECONDS;
    const isOthers = !speaks.isSpeaker && !speaks.isMine(before.code);
    // Of a kind that still stands nothing is over, and what nobody was told of need not be taken back.
    if (isLongGone && (!before.isSaid || codes.has(before.code) || isOthers)) continue;
    const isSaid = before.isSaid || (isOthers && now - before.firstSeen >= OTHERS_SECONDS);
    next[key] = { ...before, ...thing, goneSince, isSaid };
  }
  for (const [key, thing] of current)
    next[key] ??= { ...thing, firstSeen: now, goneSince: null, isSaid: false };
  return { ...memory, noted: next };
}

/** What is to be said now; undefined where that is nothing. */
export function digestOf(
  { noted: all }: Memory,
  now: number,
  speaks: { isSpeaker: boolean; isMine: (code: string) => boolean },
): Digest | undefined {
  const mine = Object.values(all).filter(({ code }) => speaks.isSpeaker || speaks.isMine(code));
  const news = mine.filter(({ isSaid, goneSince }) => !isSaid && goneSince === null);
  const over = mine.filter(
    ({ isSaid, goneSince }) => isSaid && goneSince !== null && now - goneSince >= OVER_SECONDS,
  );
  return news.length + over.length === 0 ? undefined : { news, over };
}

/** Whether another message may go out now. */
export function mayBeSent(
  { sentAt }: Memory,
  now: number,
  { count, withinSeconds }: { count: number; withinSeconds: number },
): boolean {
  // A clock that was set back must not silence anybody.
  return sentAt.filter((at) => at <= now && now - at < withinSeconds).length < count;
}

/** What is kept once a digest went out. */
export function said(memory: Memory, digest: Digest, now: number, withinSeconds: number): Memory {
  const [news, over] = [digest.news, digest.over].map((things) => new Set(things.map(keyOf)));
  const next: Record<string, Noted> = {};
  for (const [key, each] of Object.entries(memory.noted)) {
    if (over?.has(key) === true && each.goneSince !== null) continue;
    next[key] = news?.has(key) === true ? { ...each, isSaid: true } : each;
  }
  const sentAt = [...memory.sentAt.filter((at) => at <= now && now - at < withinSeconds), now];
  return { noted: next, sentAt };
}

const TIME = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;
/** A count, or a span of time; an address or a name with digits in it is none. */
const NUMBER = /(?<![\w.:/-])\d+(?:,\d{3})*(?:\.\d+)?[smhd]?(?![\w:/-]|\.\w)/g;

/** What makes two things the same: kind and words, whatever the numbers; a sentence that begins with how many there are is one of its kind. */
function keyOf({ code, text }: Thing): string {
  if (/^\d/.test(text) && text.replace(NUMBER, '#').startsWith('#')) return code;
  return `${code}: ${text.replace(TIME, '#').replace(NUMBER, '#')}`;
}
