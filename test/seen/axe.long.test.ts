import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeOf, noBrowser, openBrowser, visit } from '../fleet/page/browser.ts';
import { PAGE_TOML, startFleet, startPage } from '../fleet/index.ts';

const VIEWS = [
  '/',
  '/hosts',
  '/bans',
  '/bans?q=nothing-is-like-that',
  '/address?ip=203.0.113.9',
  '/held',
  '/never-ban',
  '/history',
  '/audit',
  '/acts',
  '/act/ban?ip=198.51.100.0/26',
  '/act/revoke?name=h2',
  '/enter',
];
/** Views whose parts are laid out anew on a phone: all others are made of the same. */
const PHONE_VIEWS = ['/', '/bans', '/act/ban?ip=198.51.100.0/26'];

/** The signs that a view shows and no page has. */
const SIGNS_MISSING = `[...document.querySelectorAll('use')].map((use) => use.getAttribute('href'))
  .filter((href) => document.querySelector(href) === null)`;

test(
  'axe finds nothing to complain of in any view, light and dark, wide and narrow',
  { skip: noBrowser },
  async () => {
    await using fleet = await startFleet({ hosts: ['h1', 'h2'], serverToml: `${PAGE_TOML}acts = true\n` });
    await using page = await startPage(fleet.server);
    const browser = await openBrowser();
    await fleet.server.says('ban', '198.51.100.0/24', '--reason', 'scans');
    await fleet.server.says('never-ban', 'add', '192.0.2.128/25');
    const { tab, context } = await visit(browser, page);
    for (const view of VIEWS) {
      await tab.emulateMedia({ colorScheme: 'light' });
      await tab.setViewportSize({ width: 1280, height: 800 });
      await tab.goto(page.address + view);
      assert.deepEqual(await axeOf(tab), [], view);
      assert.deepEqual(await tab.evaluate(SIGNS_MISSING), [], view);
      assert.doesNotMatch(await tab.content(), /\ufffd/);
      await tab.emulateMedia({ colorScheme: 'dark' });
      assert.deepEqual(await axeOf(tab, ['color-contrast']), [], `${view}, dark`);
      await tab.setViewportSize({ width: 360, height: 740 });
      if (PHONE_VIEWS.includes(view)) assert.deepEqual(await axeOf(tab), [], `${view}, narrow and dark`);
      // Nothing is wider than the screen, but for a table, which scrolls by itself.
      assert.ok(await tab.evaluate('document.documentElement.scrollWidth <= innerWidth'), `${view}, narrow`);
    }
    await context.close();
    await browser.close();
  },
);
