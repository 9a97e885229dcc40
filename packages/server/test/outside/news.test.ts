import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  digestOf,
  mayBeSent,
  NOTHING,
  noted,
  said,
  type Memory,
  type Thing,
} from '../../src/outside/news.ts';

type Speaks = Parameters<typeof digestOf>[2];

const ALONE: Speaks = { isSpeaker: true, isMine: () => true };
const OTHER: Speaks = { isSpeaker: false, isMine: (code) => code === 'clock' };
const behind = (name: string, seconds: number): Thing => ({
  code: 'behind',
  level: 'to-do',
  text: `${name} is 4 behind for ${seconds}s, heard of ${seconds}s ago`,
});
const banned = (ip: string): Thing => ({
  code: 'never-ban-banned',
  level: 'urgent',
  text: `${ip} is banned`,
});
const many = (count: number): Thing => ({
  code: 'behind',
  level: 'to-do',
  text: `${count} hosts are behind or silent: a (5m) and ${count - 1} others`,
});

function texts(memory: Memory, now: number, speaks = ALONE): { news: string[]; over: string[] } {
  const { news = [], over = [] } = digestOf(memory, now, speaks) ?? {};
  return { news: news.map(({ text }) => text), over: over.map(({ text }) => text) };
}

/** What is said of each moment's things, ten seconds apart; everything is sent at once. */
function follow(moments: readonly (readonly Thing[])[], speaks = ALONE): string[] {
  let memory = NOTHING;
  return moments.flatMap((things, index) => {
    const now = index * 10;
    memory = noted(memory, things, now, speaks);
    const digest = digestOf(memory, now, speaks);
    if (digest === undefined) return [];
    memory = said(memory, digest, now, 600);
    return [
      ...digest.news.map(({ code }) => `${now} ${code}`),
      ...digest.over.map(({ code }) => `${now} ${code} is over`),
    ];
  });
}

test('a thing is said once, whatever its numbers become, and over once it has been gone for a minute', () => {
  const stands = [0, 10, 20].map((seconds) => [behind('web1', 30 + seconds)]);
  assert.deepEqual(follow([...stands, [], [], [], [], [], [], [], []]), ['0 behind', '90 behind is over']);
});

test('what is gone for less than a minute, as while a server starts again, is neither over nor new', () => {
  assert.deepEqual(follow([[behind('web1', 3)], [], [], [behind('web1', 5)], [behind('web1', 9)]]), [
    '0 behind',
  ]);
});

test('another host or address is news, also where digits are all that differs', () => {
  assert.deepEqual(follow([[behind('web1', 3)], [behind('web1', 9), behind('web2', 3)]]), [
    '0 behind',
    '10 behind',
  ]);
  assert.deepEqual(follow([[banned('203.0.113.9')], [banned('203.0.113.9'), banned('203.0.113.10')]]), [
    '0 never-ban-banned',
    '10 never-ban-banned',
  ]);
  assert.deepEqual(follow([[banned('2001:db8::1')], [banned('2001:db8::2')]]).length, 2);
});

test('of very many hosts one sentence is said, however many they become', () => {
  assert.deepEqual(follow([[many(20)], [many(21)], [many(400)]]), ['0 behind']);
});

test('of a kind that still stands nothing is over', () => {
  const gone = Array.from({ length: 9 }, () => [behind('web2', 3)]);
  assert.deepEqual(follow([[behind('web1', 3), behind('web2', 3)], ...gone]), ['0 behind', '0 behind']);
});

test('a server that does not speak says its own alone, and repeats nothing when it takes over', () => {
  const clock: Thing = { code: 'clock', level: 'to-do', text: "This machine's clock is wrong" };
  let memory = NOTHING;
  for (let now = 0; now <= 400; now += 100) memory = noted(memory, [clock, behind('web1', now)], now, OTHER);
  assert.deepEqual(texts(memory, 400, OTHER).news, [clock.text]);
  memory = noted(memory, [clock, behind('web1', 1), banned('203.0.113.9')], 410, OTHER);
  assert.deepEqual(texts(memory, 410).news.toSorted(), ['203.0.113.9 is banned', clock.text]);
});

test('at most so many go out within a time, and a clock that was set back silences nobody', () => {
  const limit = { count: 2, withinSeconds: 600 };
  const sent = (...sentAt: number[]): Memory => ({ noted: {}, sentAt });
  assert.equal(mayBeSent(sent(), 1000, limit), true);
  assert.equal(mayBeSent(sent(500, 999), 1000, limit), false);
  assert.equal(mayBeSent(sent(400, 999), 1000, limit), true);
  assert.equal(mayBeSent(sent(5000, 5001), 1000, limit), true);
});
