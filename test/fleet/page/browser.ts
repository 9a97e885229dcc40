import { existsSync } from 'node:fs';
import axe from 'axe-core';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import type { FleetPage } from './page.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'];

/** Why the tests in a browser cannot run here; false where they can. */
export const noBrowser: string | false = CHROMIUM.some((path) => existsSync(path))
  ? false
  : 'needs a Chromium: apt-get install chromium';

/** A real Chromium without a window. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = CHROMIUM.find((path) => existsSync(path)) ?? '';
  // Root has no sandbox there; what it shows is of this test's own servers.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args });
}

/** Somebody who is let in and looks at the first view; what his browser complains of is in `faults`. */
export async function visit(
  browser: Browser,
  page: FleetPage,
  name = 'anna',
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ context: BrowserContext; tab: Page; faults: string[] }> {
  const context = await browser.newContext(options);
  const tab = await context.newPage();
  const faults: string[] = [];
  tab.on('pageerror', (error) => faults.push(error.message));
  tab.on('console', (line) => {
    if (line.type() === 'error') faults.push(line.text());
  });
  await tab.goto(await page.link(name));
  await tab.waitForURL(`${page.address}/`);
  return { context, tab, faults };
}

/** What axe complains of in what a tab shows; `rules` are only some of its rules. */
export async function axeOf(tab: Page, rules?: readonly string[]): Promise<readonly string[]> {
  // Evaluated by the browser's own debugger: the page itself lets no code in.
  await tab.evaluate(axe.source);
  const how = rules === undefined ? {} : { runOnly: rules };
  const { violations } = await tab.evaluate<axe.AxeResults>(`axe.run(${JSON.stringify(how)})`);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
