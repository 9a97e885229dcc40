import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event, SyncAnswer } from '@banshare/protocol';
import { SnapshotPages } from '../../src/follow/snapshot-pages.ts';
import { eventOf, ip } from '../make.ts';
import { chain, HandMadeServer, start } from '../hand-made-server.ts';
import { Follow, WITHIN_MS } from './following.ts';

/** A server that was taken over would send pages for ever; this one gives up after some, so that the test ends either way. */
const MOST_PAGES = 20;

const history = chain(start(), 2 * MOST_PAGES);
const head = history.at(-1) ?? start();

/** Follows a server whose snapshot has these pages and no last one, until it says why it goes on no more. */
async function faultOf(pageOf: (page: number) => readonly Event[], snapshotBytes?: number): Promise<string> {
  await using server = await HandMadeServer.start();
  server.history = history;
  let isHonest = false;
  server.syncAnswer = ({ since, next = '0' }, honest): SyncAnswer | 'retry' => {
    if (since !== undefined || isHonest) return honest();
    const page = Number(next);
    if (page >= MOST_PAGES) return 'retry';
    return { kind: 'snapshot', head, bans: pageOf(page), next: String(page + 1) };
  };
  await using follow = new Follow(server, undefined, WITHIN_MS, snapshotBytes);
  server.beat();
  await follow.until(() => follow.faults.length > 0);
  assert.deepEqual(follow.news, [], 'nothing is taken of it');
  isHonest = true;
  await follow.next(`in-step ${history.length}`);
  return follow.faults[0] ?? '';
}

test('A snapshot whose pages bring the same again is a fault, and asked for again with the next heartbeat', async () => {
  const fault = await faultOf(() => history.slice(0, 1));
  assert.match(fault, /does not go on behind the one before/);
});

test('A snapshot whose pages are empty and have no last one is a fault', async () => {
  const fault = await faultOf(() => []);
  assert.match(fault, /does not go on behind the one before/);
});

test('A snapshot that takes more memory than there is, is a fault while its pages still come', async () => {
  // The whole history of one page has room, and that of pages without end has not.
  const room = 600 * history.length;
  const many = (page: number): Event[] =>
    Array.from({ length: 10 }, (_, at) => ({ ...eventOf({ seq: 10 * page + at + 1 }), epoch: head.epoch }));
  assert.match(await faultOf(many, room), /more bans than this process has memory for/);
});

test('Long texts take the room of many bans, and so do events that nobody here knows', () => {
  const ban = eventOf({ seq: 1, ip: ip('203.0.113.9') });
  const room = 5000;
  assert.equal(new SnapshotPages(room).add({ bans: [ban] }), undefined);
  assert.equal(
    typeof new SnapshotPages(room).add({ bans: [{ ...ban, reason: 'x'.repeat(3000) }] }),
    'string',
  );
  const unknown = Array.from(
    { length: 30 },
    (_, at) => ({ epoch: 'e', tail: '', seq: at + 1, kind: 'unknown' }) as const,
  );
  assert.equal(typeof new SnapshotPages(room).add({ bans: unknown }), 'string');
});

test('A hundred thousand usual bans have room here', () => {
  const pages = new SnapshotPages();
  const ban = eventOf({ ip: ip('203.0.113.9') });
  for (let page = 0; page < 100; page += 1) {
    const bans = Array.from({ length: 1000 }, (_, at) => ({ ...ban, seq: 1000 * page + at + 1 }));
    assert.equal(pages.add({ bans, next: 'more' }), undefined);
  }
  assert.equal(pages.add({ bans: [] }), undefined, 'the last page may be empty');
  assert.equal(pages.bans.length, 100_000);
});
