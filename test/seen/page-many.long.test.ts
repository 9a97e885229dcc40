import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { after, test } from 'node:test';
import { noBrowser, openBrowser, visit } from '../fleet/page/browser.ts';
import { assertInTime, PAGE_TOML, startFleet, startPage } from '../fleet/index.ts';

const BANS = 100_000;
/** Milliseconds, on a machine where seven others work meanwhile; a quiet one takes a third. */
const FIRST_VIEW_MS = 3000;

test(
  'with a hundred thousand bans the first view, the list, a search and a sort come at once',
  { skip: noBrowser },
  async (t) => {
    const fleet = await startFleet({ serverToml: PAGE_TOML });
    after(() => fleet[Symbol.asyncDispose]());
    const list = join(fleet.server.root, 'list.txt');
    const lines = Array.from({ length: BANS }, (_, n) => `45.${18 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`);
    writeFileSync(list, lines.join('\n'));
    await fleet.server.says('import', list);
    await using page = await startPage(fleet.server);
    const browser = await openBrowser();
    after(() => browser.close());
    const { tab } = await visit(browser, page);
    await tab.getByText('100,000').first().waitFor();
    const timed = async (path: string): Promise<number> => {
      const began = performance.now();
      await tab.goto(page.address + path);
      return performance.now() - began;
    };
    await tab.goto(`${page.address}/bans`);
    await tab.getByText('100,000 active bans', { exact: true }).waitFor({ timeout: 60_000 });
    for (const path of ['/', '/bans', '/bans?q=45.19.0.0/24', '/bans?sort=address&page=1000', '/hosts']) {
      const ms = await timed(path);
      t.diagnostic(`${path} of ${BANS} bans: ${Math.round(ms)} ms`);
      await assertInTime(ms, FIRST_VIEW_MS);
    }
    const { body } = await page.get('/bans.csv', await page.enter('csv'));
    let bytes = 0;
    for await (const chunk of body!) bytes += (chunk as Uint8Array).length;
    assert.ok(bytes > BANS * 40, `${bytes} bytes`);
  },
);

const HOSTS = 1000;
/** Frames in a second of scrolling, on a machine where seven others work meanwhile; a screen has 60. */
const LEAST_FRAMES = 10;

/** Puts hosts into the ledger of a server that stands still, as copies of one that has told everything. */
function copyHost(ledger: string, count: number): void {
  const database = new DatabaseSync(ledger);
  const columns = database
    .prepare('PRAGMA table_info(hosts)')
    .all()
    .map(({ name }) => String(name));
  const row = database.prepare('SELECT * FROM hosts').get() ?? {};
  const insert = database.prepare(
    `INSERT INTO hosts (${columns.join()}) VALUES (${columns.map(() => '?').join()})`,
  );
  database.exec('BEGIN');
  for (let n = 1; n < count; n += 1) {
    const own = { id: 1000 + n, name: `web-${n}.example.org`, wanted: `web-${n}.example.org` };
    const mark = String(100_000 + n);
    const keys = Object.fromEntries(
      ['key', 'curve'].map((name) => [name, String(row[name]).replace(/^.{6}/, mark)]),
    );
    const values: Record<string, SQLInputValue> = { ...row, ...keys, ...own };
    insert.run(...columns.map((name) => values[name] ?? null));
  }
  database.exec('COMMIT');
  database.close();
}

/** Scrolls a view to its end and back for a second; the frames that were drawn meanwhile, and the longest of them in milliseconds. */
const SCROLL = `new Promise((resolve) => {
  const began = performance.now();
  let [last, longest, frames] = [began, 0, 0];
  const step = (now) => {
    longest = Math.max(longest, now - last);
    last = now;
    frames += 1;
    const part = (now - began) / 1000;
    scrollTo(0, Math.abs(Math.sin(part * Math.PI)) * document.documentElement.scrollHeight);
    if (part < 1) requestAnimationFrame(step);
    else resolve({ frames, longest });
  };
  requestAnimationFrame(step);
})`;

test(
  'with a thousand hosts the tiles and the list come at once, scroll smoothly, and follow what happens',
  { skip: noBrowser },
  async (t) => {
    const fleet = await startFleet({ hosts: ['h1'], serverToml: PAGE_TOML });
    after(() => fleet[Symbol.asyncDispose]());
    await fleet.server.stop();
    copyHost(fleet.server.paths.ledger, HOSTS);
    await fleet.server.start();
    await using page = await startPage(fleet.server);
    const browser = await openBrowser();
    after(() => browser.close());
    const { tab, faults } = await visit(browser, page);
    for (const [path, what, count] of [
      ['/', '#tiles li', HOSTS],
      ['/hosts', '#hosts tr', 100],
    ] as const) {
      const began = performance.now();
      await tab.goto(page.address + path);
      const ms = performance.now() - began;
      await tab.locator('#line.live').waitFor();
      assert.equal(await tab.locator(what).count(), count);
      const nodes = await tab.evaluate<number>('document.querySelectorAll("*").length');
      const { frames, longest } = await tab.evaluate<{ frames: number; longest: number }>(SCROLL);
      t.diagnostic(
        `${path} of ${HOSTS} hosts: ${Math.round(ms)} ms, ${nodes} elements; scrolled with ${frames} frames a second, the longest ${Math.round(longest)} ms`,
      );
      await assertInTime(ms, FIRST_VIEW_MS);
      assert.ok(frames >= LEAST_FRAMES, `${path}: ${frames} frames`);
    }
    await tab.goto(page.address);
    await tab.locator('#line.live').waitFor();
    await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.9']);
    await tab.locator('#stream li', { hasText: '203.0.113.9' }).waitFor();
    assert.deepEqual(faults, []);
  },
);
