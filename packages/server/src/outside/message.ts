import { oneLine } from '@banshare/protocol';
import { time } from '../words/phrases.ts';
import type { Digest, Level, Thing } from './news.ts';

/** What goes out to a receiver, whatever its kind. */
export type Message = {
  /** One line: which server, and what it is about. */
  readonly title: string;
  /** Lines of text for people. */
  readonly text: string;
  readonly level: Level | 'over' | 'test';
  /** The same for programs. */
  readonly fields: Readonly<Record<string, unknown>>;
};

/** A sentence is cut there, and a message after so many: what an attacker causes must not fill a mailbox. */
const LONGEST_SENTENCE = 600;
const MOST_SENTENCES = 30;

/** A digest for people and programs; `server` is the name of this machine. */
export function messageOf({ news, over }: Digest, server: string, now: number): Message {
  const of = (level: Level): readonly Thing[] => news.filter((thing) => thing.level === level);
  const [urgent, todo] = [of('urgent'), of('to-do')];
  const heads: [string, readonly Thing[]][] = [
    ['URGENT', urgent],
    ['To do', todo],
    ['Over', over],
  ];
  const present = heads.filter(([, things]) => things.length > 0);
  const about = present.map(
    ([head, things]) => `${head}: ${[...new Set(things.map(({ code }) => code))].join(', ')}`,
  );
  const level = urgent.length > 0 ? 'urgent' : todo.length > 0 ? 'to-do' : 'over';
  return {
    title: oneLine(`banshare on ${server}: ${about.join('; ')}`),
    text: [
      ...present.flatMap(([head, things]) => [head, ...linesOf(things), '']),
      `From banshare-server on ${server}, ${time(now)}. All there is to know: banshare-server status`,
    ].join('\n'),
    level,
    fields: { urgent: urgent.map(bare), 'to-do': todo.map(bare), over: over.map(bare) },
  };
}

/** What `notify --test` sends. */
export function testMessage(server: string, now: number): Message {
  return {
    title: `banshare on ${server}: a test`,
    text: `This is a test by banshare-server notify --test, and nothing is wrong.\nFrom banshare-server on ${server}, ${time(now)}.`,
    level: 'test',
    fields: { urgent: [], 'to-do': [], over: [] },
  };
}

/** The message as one document for programs; `text` is what chat services show. */
export function documentOf({ title, text, level, fields }: Message, server: string, now: number): string {
  return JSON.stringify({
    v: 1,
    server,
    at: time(now),
    level,
    title,
    text: `${title}\n\n${text}`,
    ...fields,
  });
}

function linesOf(things: readonly Thing[]): string[] {
  const lines = things.slice(0, MOST_SENTENCES).map(({ text }) => `- ${shortened(text)}`);
  const left = things.length - lines.length;
  return left > 0 ? [...lines, `- and ${left} more`] : lines;
}

function bare({ code, text }: Thing): { code: string; text: string } {
  return { code, text: shortened(text) };
}

function shortened(text: string): string {
  const line = oneLine(text);
  return line.length > LONGEST_SENTENCE ? `${line.slice(0, LONGEST_SENTENCE)}…` : line;
}
