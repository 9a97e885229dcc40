import assert from 'node:assert/strict';
import { test } from 'node:test';
import { html } from 'hono/html';
import { FollowedView, type Made } from '../../src/web/live/followed-view.ts';
import { LiveViews } from '../../src/web/live/live-views.ts';
import { movedBetween, piecesOf } from '../../src/web/live/pieces.ts';
import { live, liveRows, moment } from '../../src/web/pages/parts.ts';

type Row = { key: string; text: string; at?: number };

async function pageOf(count: number, rows: readonly Row[], now = 100): Promise<string> {
  const list = rows.map(
    ({ key, text, at = 0 }) => html`<li data-key="${key}">${text} ${moment(at, now)}</li>`,
  );
  return `${await html`<main id="main">
    ${live('sum', html`<b id="sum">${count}</b>`)}
    <ol id="list">
      ${liveRows('list', list)}
    </ol>
  </main>`}`;
}

test('of a view only the pieces and rows that differ are sent, and no words of moments count as a difference', async () => {
  const rows = [
    { key: 'b', text: 'one' },
    { key: 'a', text: 'two' },
  ];
  const had = piecesOf(await pageOf(1, rows));
  assert.deepEqual(movedBetween(had, piecesOf(await pageOf(1, rows, 5000))), []);
  assert.deepEqual(movedBetween(had, piecesOf(await pageOf(2, rows))), [
    { id: 'sum', html: '<b id="sum">2</b>' },
  ]);
  const [moved, ...more] = movedBetween(
    had,
    piecesOf(await pageOf(1, [{ key: 'new', text: 'three' }, ...rows.slice(0, 1)])),
  );
  assert.deepEqual(more, []);
  assert.ok(moved !== undefined && 'keys' in moved);
  assert.deepEqual([moved.keys, moved.rows.length], [['new', 'b'], 1]);
  assert.match(moved.rows[0] ?? '', /three/);
});

test('a row keeps its key whatever somebody planted into it, and what he plants is no piece', async () => {
  const key = `<!--live sum-->"'&amp;<b>`;
  const pieces = piecesOf(await pageOf(1, [{ key, text: '<!--row--><!--rows list--><!--/live-->' }]));
  assert.deepEqual([...pieces.keys()], ['sum', 'list']);
  const [moved] = movedBetween(new Map([['list', new Map()]]), new Map([['list', pieces.get('list')!]]));
  assert.ok(moved !== undefined && 'keys' in moved);
  assert.deepEqual(moved.keys, [key]);
  assert.equal(moved.rows.length, 1);
});

test('where a view has other pieces than before all of its main part is sent', async () => {
  const empty = piecesOf('<main><p>Nothing</p></main>');
  const moved = movedBetween(empty, piecesOf(await pageOf(1, [])), 'all of it');
  assert.deepEqual(moved, [{ inside: 'main', html: 'all of it' }]);
});

test('a view is made once for all who look at it, told only where it has moved, and not again within its time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const pages = [await pageOf(1, []), await pageOf(2, []), await pageOf(3, [])] as const;
  let [made, woken, now] = [0, 0, 100];
  let page: string = pages[0];
  const make = async (): Promise<Made> => {
    made += 1;
    return { title: 'Now', page, isFrameOnly: false };
  };
  const view = new FollowedView(make, 1, new LiveViews().nextVersion, () => now);
  const pass = async (seconds: number): Promise<void> => {
    now += seconds;
    t.mock.timers.tick(seconds * 1000);
    await new Promise(setImmediate);
  };
  for (let looking = 0; looking < 2; looking += 1) view.follow(() => (woken += 1));
  await pass(0.01);
  const first = view.state;
  assert.deepEqual([made, woken], [1, 2]);
  page = pages[1];
  view.mayHaveMoved();
  view.mayHaveMoved();
  // After a quiet time a quarter of it is enough, once.
  await pass(0.2);
  assert.equal(made, 1);
  await pass(0.1);
  assert.deepEqual([made, woken], [2, 4]);
  assert.equal(view.textSince(first), view.textSince(first));
  assert.match(view.textSince(first) ?? '', /"moved":\[\{"id":"sum","html":"<b id=\\"sum\\">2<\/b>"\}\]/);
  assert.equal(view.textSince(view.state), undefined);
  view.mayHaveMoved();
  await pass(0.9);
  assert.equal(made, 2);
  await pass(0.2);
  assert.deepEqual([made, woken], [3, 4], 'nothing has moved');
  page = pages[2];
  view.mayHaveMoved();
  await pass(1.1);
  assert.deepEqual([made, woken], [4, 6]);
});
