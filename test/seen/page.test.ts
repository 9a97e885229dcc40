import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { askAdmin } from '@banshare/runtime';
import { noBrowser, openBrowser, visit } from '../fleet/page/browser.ts';
import { assertInTime, PAGE_TOML, Program, startFleet, startPage, takePort } from '../fleet/index.ts';

// One fleet, one page and one browser serve all tests of this file.
const skip = noBrowser;
const fleet = skip
  ? undefined
  : await startFleet({ hosts: ['h1', 'h2'], serverToml: `${PAGE_TOML}acts = true\n` });
const page = fleet === undefined ? undefined : await startPage(fleet.server);
const browser = skip ? undefined : await openBrowser();
after(async () => {
  await browser?.close();
  await page?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
});

/** Milliseconds. */
const SOON = 20_000;

test(
  'a ban that a host reports is on an open page within a second, and nobody loads it anew',
  { skip },
  async (t) => {
    const { tab, context, faults } = await visit(browser!, page!);
    await tab.locator('#line.live').waitFor({ timeout: SOON });
    await tab.evaluate(() => Object.assign(globalThis, { isSame: true }));
    const shown = tab.locator('#stream li', { hasText: '203.0.113.9' }).waitFor({ timeout: SOON });
    const reported = fleet!.report('h1', ['fail2ban', 'sshd', '203.0.113.9']);
    const committed = fleet!
      .host('h2')
      .line(/Ban .*ip=203\.0\.113\.9 /)
      .then(() => performance.now());
    const [, at] = await Promise.all([shown.then(() => performance.now()), committed, reported]);
    await shown;
    const ms = performance.now() - at;
    t.diagnostic(`on the page ${Math.round(ms)} ms after the other host had it`);
    await assertInTime(ms, 1000);
    assert.equal(await tab.evaluate(() => 'isSame' in globalThis), true);
    assert.deepEqual(faults, []);
    await context.close();
  },
);

test('a list that was empty has its first row on an open page', { skip }, async () => {
  const { tab, context, faults } = await visit(browser!, page!);
  await tab.goto(`${page!.address}/bans?q=203.0.113.99`);
  await tab.getByText('No active ban is like that').waitFor({ timeout: SOON });
  await tab.locator('#line.live').waitFor({ timeout: SOON });
  await fleet!.report('h1', ['fail2ban', 'sshd', '203.0.113.99']);
  await tab.locator('#bans tr', { hasText: '203.0.113.99' }).waitFor({ timeout: SOON });
  assert.deepEqual(faults, []);
  await context.close();
});

test(
  'while the server is away the page says so, and once it is back it goes on by itself',
  { skip },
  async () => {
    const { tab, context } = await visit(browser!, page!);
    await tab.locator('#line.live').waitFor({ timeout: SOON });
    await fleet!.server.stop();
    await tab.getByText('The server does not answer').waitFor({ timeout: SOON });
    assert.match(await tab.title(), /Server silent/);
    await fleet!.server.start();
    await tab.getByText('The server does not answer').waitFor({ state: 'detached', timeout: SOON });
    await fleet!.server.says('ban', '203.0.113.10');
    await tab.locator('#stream li', { hasText: '203.0.113.10' }).waitFor({ timeout: SOON });
    await context.close();
  },
);

test(
  'an open page goes on by itself once banshare-web has started again, and nobody has to log in anew',
  { skip },
  async () => {
    const { root, paths } = fleet!.server;
    mkdirSync(dirname(paths.pageLogins), { recursive: true });
    const config = join(root, 'fixed-port.toml');
    const address = `http://127.0.0.1:${takePort()}`;
    writeFileSync(config, `[web]\nlisten = "${address.slice(7)}"\nacts = true\n`);
    const launch = async (): Promise<Program> => {
      const web = new Program('server', ['web', '--root', root, '--config', config]);
      await web.line(/^banshare-server web ready /);
      return web;
    };
    let web = await launch();
    const context = await browser!.newContext();
    const tab = await context.newPage();
    try {
      await tab.goto((await page!.link('carla')).replace(page!.address, address));
      await tab.locator('#line.live').waitFor({ timeout: SOON });
      await tab.evaluate(() => Object.assign(globalThis, { isSame: true }));
      await web.stop('SIGKILL');
      await tab.getByText('The page cannot be reached').waitFor({ timeout: SOON });
      web = await launch();
      await tab.locator('#line.live').waitFor({ timeout: SOON });
      await fleet!.server.says('ban', '203.0.113.88');
      await tab.locator('#stream li', { hasText: '203.0.113.88' }).waitFor({ timeout: SOON });
      assert.equal(await tab.evaluate(() => 'isSame' in globalThis), true);
      await tab.getByRole('button', { name: 'Log out' }).click();
      await tab.getByLabel('Code').waitFor({ timeout: SOON });
    } finally {
      await context.close();
      await web.stop();
    }
  },
);

test(
  'a malformed # in the address keeps no page from being live, and is taken for no code',
  { skip },
  async () => {
    const { tab, context, faults } = await visit(browser!, page!);
    await tab.goto(`${page!.address}/hosts#%E0%A4%A`);
    await tab.locator('#line.live').waitFor({ timeout: SOON });
    const stranger = await browser!.newContext();
    const door = await stranger.newPage();
    await door.goto(`${page!.address}/enter#100%`);
    await door.getByLabel('Code').waitFor({ timeout: SOON });
    assert.equal(await door.getByLabel('Code').inputValue(), '');
    assert.match(door.url(), /#100%$/);
    assert.deepEqual(faults, []);
    await stranger.close();
    await context.close();
  },
);

test(
  'without JavaScript the code of a link is put in by hand, and every view can be read',
  { skip },
  async () => {
    const context = await browser!.newContext({ javaScriptEnabled: false });
    const tab = await context.newPage();
    const link = await page!.link('ben');
    await tab.goto(link);
    await tab.getByLabel('Code').fill(link.split('#')[1] ?? '');
    await tab.getByRole('button', { name: 'Come in' }).click();
    await tab.getByRole('heading', { level: 1 }).waitFor({ timeout: SOON });
    assert.match(await tab.content(), /Active bans/);
    await context.close();
  },
);

test(
  'a ban by a form of the page is confirmed by one host after the other, and nobody loads the page anew',
  { skip },
  async () => {
    const { tab, context, faults } = await visit(browser!, page!);
    await tab.getByRole('link', { name: 'Acts' }).click();
    await tab.getByRole('link', { name: 'Ban an address or range', exact: true }).click();
    await tab.getByLabel('Addresses or ranges').fill('203.0.113.77');
    await tab.getByRole('button', { name: 'Go on' }).click();
    await tab.getByText('Bans 203.0.113.77 on all 2 hosts, for 24 h.').waitFor({ timeout: SOON });
    await tab.getByRole('button', { name: 'Ban', exact: true }).click();
    await tab.getByRole('heading', { name: '203.0.113.77 is banned' }).waitFor({ timeout: SOON });
    await tab.getByText('2 of 2 hosts have confirmed it').waitFor({ timeout: SOON });
    // By keyboard, from the beginning of the page: to the content, and to what lifts it.
    await tab.reload();
    await tab.keyboard.press('Tab');
    assert.equal(await tab.evaluate('document.activeElement.textContent'), 'To the content');
    await tab.keyboard.press('Enter');
    await tab.keyboard.press('Tab');
    assert.equal(await tab.evaluate('document.activeElement.textContent'), 'Lift it');
    assert.deepEqual(faults, []);
    await context.close();
  },
);

/** Two hundred texts that would be code, markup or a formula where somebody forgets to escape them. */
const PLANTED = [
  '<script>planted=1</script>',
  '<img src=x onerror=planted=1>',
  '<svg onload=planted=1>',
  '<a href="javascript:planted=1">x</a>',
  '<iframe srcdoc="<script>parent.planted=1</script>">',
  '" autofocus onfocus=planted=1 x="',
  "' autofocus onfocus=planted=1 x='",
  '<style>*{display:none}</style>',
  '<form action=//evil.example><button>',
  '${planted=1}{{planted=1}}<%planted=1%>',
  '&lt;script&gt;planted=1&lt;/script&gt;',
  '<template><script>planted=1</script></template>',
  '<math><mtext><img src=x onerror=planted=1>',
  '<noscript><img src=x onerror=planted=1></noscript>',
  '<meta http-equiv=refresh content="0;url=//evil.example">',
  '<base href=//evil.example>',
  '<link rel=stylesheet href=//evil.example>',
  '=HYPERLINK("//evil.example")',
  '<details open ontoggle=planted=1>',
  '<body onpageshow=planted=1>',
].flatMap((text) =>
  ['', '">', "'>", '</td>', '</script>', '-->', ']]>', '</title>', '\\', '`'].map((before) => before + text),
);

test(
  'what somebody planted into a reason, a note or a search stays text in every view',
  { skip },
  async () => {
    const { tab, context, faults } = await visit(browser!, page!);
    const socket = fleet!.server.paths.serverSocket;
    const ipOf = (index: number): string => `203.0.112.${index}`;
    for (const [index, reason] of PLANTED.entries()) {
      const request = { command: 'ban', args: { ip: ipOf(index), reason }, by: reason.slice(0, 60) };
      assert.equal((await askAdmin(socket, request, SOON)).ok, true);
    }
    await askAdmin(
      socket,
      { command: 'mute-host', args: { name: 'h2', for: '1h', note: PLANTED[1] ?? '' } },
      SOON,
    );
    const shown = new Set<string>();
    for (const at of [1, 2, 3, 4]) {
      await tab.goto(`${page!.address}/bans?q=203.0.112.0/24&page=${at}`);
      // The page follows the server, and on a busy machine it has the newest a moment later.
      await tab.locator('#sum', { hasText: `${PLANTED.length} bans` }).waitFor({ timeout: SOON });
      for (const text of await tab.locator('#bans tr td:nth-child(6)').allInnerTexts())
        shown.add(text.trim());
    }
    const { bans } = await fleet!.server.json<{ bans: { reason?: string }[] }>('bans', '203.0.112.0/24');
    assert.equal(bans.length, PLANTED.length);
    for (const { reason = '' } of bans) assert.ok(shown.has(reason), reason);
    for (const view of [
      '/',
      '/hosts',
      '/audit',
      ...PLANTED.map((text) => `/bans?q=${encodeURIComponent(text)}`).slice(0, 8),
    ]) {
      await tab.goto(page!.address + view);
      await tab.locator('#main').waitFor({ timeout: SOON });
      assert.equal(await tab.evaluate(() => 'planted' in globalThis), false, view);
      assert.equal(await tab.locator('main iframe, main script, main img, main style, main base').count(), 0);
    }
    assert.deepEqual(faults, []);
    const csv = await (await page!.get('/bans.csv?q=203.0.112.0/24', await page!.enter('csv'))).text();
    assert.doesNotMatch(csv, /,"?=HYPERLINK/);
    await context.close();
  },
);
