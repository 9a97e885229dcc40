import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { noBrowser, openBrowser, visit } from '../fleet/page/browser.ts';
import { PAGE_TOML, startFleet, startPage } from '../fleet/index.ts';

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
      assert.ok(ms < FIRST_VIEW_MS, `${path}: ${ms} ms`);
    }
    const { body } = await page.get('/bans.csv', await page.enter('csv'));
    let bytes = 0;
    for await (const chunk of body!) bytes += (chunk as Uint8Array).length;
    assert.ok(bytes > BANS * 40, `${bytes} bytes`);
  },
);
