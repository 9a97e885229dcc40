import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { ROOMS } from './rooms.ts';
import { imports, sources, type Source } from './sources.ts';

/** Where SQL may stand: each store has one room, and one file reads a store of fail2ban's. */
const SQL_IN = [
  /^server\/src\/ledger\//,
  /^server\/src\/log\//,
  /^server\/src\/cli\/lists\/import-fail2ban\.ts$/,
  /^client\/src\/bans\//,
];

const programs = sources.filter(({ path }) => path.includes('/src/'));

function roomOf(path: string): string {
  return relative(`/${path.split('/')[0]}/src`, `/${dirname(path)}`) || '.';
}

/** The files that a source imports by their path. */
function filesOf(source: Source): string[] {
  return imports(source.text)
    .filter(({ what }) => what.startsWith('.'))
    .map(({ what }) => resolve('/', dirname(source.path), what).slice(1));
}

/** Every import of a room that its row does not allow, and every room without a row. */
function intruders(all: readonly Source[]): string[] {
  return all.flatMap((source) => {
    const rooms = ROOMS[source.package];
    if (rooms === undefined) return [];
    const here = roomOf(source.path);
    const allowed = rooms[here];
    if (allowed === undefined) return [`${source.path} stands in no room of the table`];
    return filesOf(source)
      .filter((target) => roomOf(target) !== here && !allowed.includes(roomOf(target)))
      .map((target) => `${source.path} imports ${target}`);
  });
}

/** The files that import each other in a circle, each circle once. */
function circles(all: readonly Source[]): string[] {
  const edges = new Map(all.map((source) => [source.path, filesOf(source)]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at >= 0) found.push([...way.slice(at), path].join(' → '));
    if (at >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

/** The sources with a statement of SQL outside of its rooms. */
function withSql(all: readonly Source[]): string[] {
  const statement =
    /['"`]\s*(?:SELECT\b[^'"`]*\bFROM|WITH \w+(?:\([^)]*\))? AS|INSERT (?:OR \w+ )?INTO|UPDATE(?: OR \w+)? \w+\s+SET|DELETE FROM|REPLACE INTO|CREATE (?:TABLE|(?:UNIQUE )?INDEX|VIEW)|ALTER TABLE|PRAGMA|VACUUM INTO)\b|\.sql\(/i;
  // What may also begin a sentence is one in capitals.
  const word = /['"`]\s*(?:SELECT|UPDATE|VACUUM|BEGIN)\b/;
  return all
    .filter(({ text }) => statement.test(text) || word.test(text))
    .filter(({ path }) => !SQL_IN.some((room) => room.test(path)))
    .map(({ path }) => path);
}

test('a room imports only from the rooms that its row allows', () => {
  assert.deepEqual(intruders(programs), []);
});

test('the table of rooms goes one way: each stands above all that it may import from', () => {
  for (const rooms of Object.values(ROOMS)) {
    const order = Object.keys(rooms);
    for (const [room, allowed] of Object.entries(rooms))
      for (const below of allowed)
        assert.ok(order.indexOf(below) < order.indexOf(room) && order.includes(below), `${room} → ${below}`);
  }
});

test('the README of a package has a row for each of its rooms, and for no other', () => {
  for (const [name, rooms] of Object.entries(ROOMS)) {
    const readme = readFileSync(resolve(import.meta.dirname, `../packages/${name}/README.md`), 'utf8');
    const heads = [...readme.matchAll(/^\| ((?:`[\w/-]+\/`(?:, )?)+) \|/gm)].map(([, head = '']) => head);
    const told = heads.flatMap((head) => [...head.matchAll(/`([\w/-]+)\/`/g)].map(([, room]) => room));
    const kept = Object.keys(rooms).filter((room) => room !== '.');
    assert.deepEqual([new Set(told), told.length], [new Set(kept), kept.length], name);
  }
});

test('no row allows what nobody uses any more', () => {
  for (const [name, rooms] of Object.entries(ROOMS)) {
    for (const [room, allowed] of Object.entries(rooms)) {
      const here = programs.filter(({ package: of, path }) => of === name && roomOf(path) === room);
      const used = new Set(here.flatMap(filesOf).map(roomOf));
      assert.deepEqual(
        allowed.filter((below) => !used.has(below)),
        [],
        `${name}: ${room}`,
      );
    }
  }
});

test('no files import each other in a circle, types counted', () => {
  assert.deepEqual(circles(programs), []);
});

test('SQL stands in its rooms alone', () => {
  assert.deepEqual(withSql(programs), []);
});

test('each of these rules sees what breaks it', () => {
  const planted = (path: string, text: string): Source => ({ path, package: path.split('/')[0] ?? '', text });
  assert.deepEqual(
    intruders([
      planted('server/src/ledger/ledger.ts', "import type { Facts } from '../operator/attention/facts.ts';"),
      planted('server/src/attic/box.ts', ''),
      planted('transport/src/attic/box.ts', ''),
      planted('server/src/words/verdict.ts', "const later = await import('../serve.ts');"),
    ]),
    [
      'server/src/ledger/ledger.ts imports server/src/operator/attention/facts.ts',
      'server/src/attic/box.ts stands in no room of the table',
      'transport/src/attic/box.ts stands in no room of the table',
      'server/src/words/verdict.ts imports server/src/serve.ts',
    ],
  );
  assert.deepEqual(
    circles([
      planted('server/src/words/a.ts', "import type { B } from './b.ts';"),
      planted('server/src/words/b.ts', "export { C } from './c.ts';"),
      planted('server/src/words/c.ts', "import { A } from './a.ts';"),
    ]),
    ['server/src/words/a.ts → server/src/words/b.ts → server/src/words/c.ts → server/src/words/a.ts'],
  );
  assert.deepEqual(
    withSql([
      planted('server/src/fleet/hosts.ts', "sql('SELECT name FROM hosts')"),
      planted('server/src/ledger/tables/bans.ts', "sql('SELECT ip FROM bans')"),
      planted('client/src/decide/take.ts', 'const text = `DELETE FROM bans WHERE seq = ?`;'),
      planted('client/src/apply/again.ts', "const text = 'update bans set ours = 1';"),
      planted('server/src/words/phrases.ts', "const text = 'Update the hosts, and select one';"),
      planted('client/src/admin/told.ts', 'const text = `\n  WITH own AS (SELECT 1) SELECT ip FROM bans`;'),
    ]),
    [
      'server/src/fleet/hosts.ts',
      'client/src/decide/take.ts',
      'client/src/apply/again.ts',
      'client/src/admin/told.ts',
    ],
  );
});
