import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '../..');

test('make demo PAGE=1 ends with a link that lets a person in, and after Enter nothing of it is left', async () => {
  const words = [join(ROOT, 'scripts/demo.ts'), '--page'];
  const demo = spawn(process.execPath, words, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(demo, 'exit');
  let link: URL | undefined;
  for await (const line of createInterface({ input: demo.stdout })) {
    const [found] = /https?:\/\/\S+#\S+/.exec(line) ?? [];
    if (found !== undefined) link = new URL(found);
    if (!line.includes('Enter ends it')) continue;
    assert.ok(link);
    const { origin, hash } = link;
    const body = new URLSearchParams({ code: hash.slice(1) });
    const entered = await fetch(`${origin}/enter`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin },
      body,
    });
    assert.equal(entered.status, 303);
    const [cookie = ''] = entered.headers.getSetCookie().map((each) => each.split(';')[0] ?? '');
    const page = await (await fetch(origin, { headers: { cookie } })).text();
    for (const host of ['h1', 'h2', 'h3']) assert.match(page, new RegExp(`tile-${host}`));
    demo.stdin.end('\n');
  }
  assert.deepEqual(await ended, [0, null]);
  assert.ok(link);
  await assert.rejects(fetch(link.origin), /fetch failed/);
});
