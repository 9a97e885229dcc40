import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { imports, sources, type Import, type Source } from './sources.ts';

const ROOT = resolve(import.meta.dirname, '..');

/** What the sources of each package may import beside their own files; all but protocol may use Node. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: ['ipaddr.js'],
  transport: ['@banshare/protocol', '@banshare/runtime', 'zeromq', 'libsodium-wrappers', 'node:'],
  runtime: ['@banshare/protocol', 'winston', 'smol-toml', 'node:'],
  server: [
    '@banshare/protocol',
    '@banshare/transport',
    '@banshare/runtime',
    '@hono/node-server',
    'hono',
    'mmdb-lib',
    'pg',
    'yargs',
    'yargs/helpers',
    'node:',
  ],
  client: [
    '@banshare/protocol',
    '@banshare/transport',
    '@banshare/runtime',
    'yargs',
    'yargs/helpers',
    'node:',
  ],
  report: ['@banshare/protocol', '@banshare/transport', '@banshare/runtime', 'node:'],
};

/** What only some files may import, since they are the rooms for it. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  'node:child_process': [
    // Node has no datagrams of unix sockets: systemd's own program sends them, once a minute.
    'runtime/src/process/systemd-notify.ts',
    'server/src/publish/fan-out-child.ts',
    // The administrator's firewall hook, run by root's own command and never by the daemon.
    'server/src/cli/asking/firewall-hook.ts',
    // The administrator's own program that keeps backups, by root's own command and never by the daemon.
    'server/src/cli/backup/hand-over.ts',
    // The administrator's own program and sendmail, by the process that sends messages and never by the daemon.
    'server/src/outside/run-program.ts',
    'client/src/host/exec.ts',
    // Who speaks HTTP is a process of its own: see that file.
    'runtime/src/metrics/door.ts',
    // A resolver that blocks must be killed at the deadline: see that file.
    'report/src/deliver/resolve.ts',
  ],
  'node:sqlite': [
    'server/src/ledger/database.ts',
    'server/src/ledger/books/backup-file.ts',
    'server/src/cli/lists/import-fail2ban.ts',
    'server/src/ledger/schema.ts',
    'server/src/ledger/ledger.ts',
    'client/src/bans/dropped.ts',
    'client/src/bans/in-place.ts',
    'client/src/bans/kept-by-pause.ts',
    'client/src/bans/remains.ts',
    'client/src/bans/state.ts',
    'client/src/bans/state-schema.ts',
  ],
  winston: ['runtime/src/log/log.ts'],
  pg: ['server/src/log/line.ts'],
  'mmdb-lib': ['server/src/enrich/mmdb-reader.ts'],
  'mmdb-lib/lib/decoder.js': ['server/src/enrich/mmdb-reader.ts'],
  'smol-toml': ['runtime/src/config/fleet.ts', 'runtime/src/config/sources.ts'],
  'libsodium-wrappers': ['transport/src/keys/key-making.ts'],
};

/** Slow to load, and not needed by every run: only `await import()` brings them in. */
const LAZY = ['winston', 'libsodium-wrappers', 'pg', 'mmdb-lib', 'mmdb-lib/lib/decoder.js'];

/** `hono/html` is of the package hono, as `yargs/helpers` is not: that one is named by itself. */
function packageOf(what: string): string {
  return /^(hono|mmdb-lib)\//.exec(what)?.[1] ?? what;
}

const rooms = sources.filter((source) => source.path.includes('/src/'));

/** Every import of the sources that breaks a rule, as `file imports what`. */
function importsThat(from: readonly Source[], breaks: (source: Source, each: Import) => boolean): string[] {
  return from.flatMap((source) =>
    imports(source.text)
      .filter((each) => breaks(source, each))
      .map((each) => `${source.path} imports ${each.what}`),
  );
}

test('every package is known here, and every known package has sources', () => {
  assert.deepEqual(
    [...new Set(rooms.map((source) => source.package))].sort(),
    Object.keys(MAY_IMPORT).sort(),
  );
});

test('the sources of a package import only what its row allows', () => {
  const broken = importsThat(rooms, (source, { what }) => {
    const allowed = MAY_IMPORT[source.package] ?? [];
    return (
      !what.startsWith('.') &&
      !allowed.some((each) =>
        each.endsWith(':') ? what.startsWith(each) : packageOf(what) === each || what === each,
      )
    );
  });
  assert.deepEqual(broken, []);
});

test('no relative import leaves its package, and none leaves src except from a test', () => {
  const broken = importsThat(sources, (source, { what }) => {
    if (!what.startsWith('.')) return false;
    const target = resolve('/', dirname(source.path), what);
    const isRoom = source.path.includes('/src/');
    // Tests of a program run it in a whole fleet.
    if (!isRoom && target.startsWith('/test/fleet/')) return false;
    return !target.startsWith(isRoom ? `/${source.package}/src/` : `/${source.package}/`);
  });
  assert.deepEqual(broken, []);
});

test('nothing imports scripts, and the tests of a package import no program of another', () => {
  const broken = importsThat(sources, (source, { what }) => {
    if (what.includes('scripts/')) return true;
    const program = /^@banshare\/(server|client|report)$/.exec(what)?.[1];
    return program !== undefined && program !== source.package;
  });
  assert.deepEqual(broken, []);
});

test('processes, databases and heavy libraries are used only in their rooms', () => {
  const broken = importsThat(rooms, (source, { what }) => {
    const allowed = Object.hasOwn(ONLY_IN, what) ? ONLY_IN[what] : undefined;
    return allowed !== undefined && !allowed.includes(source.path);
  });
  assert.deepEqual(broken, []);
});

test('what is slow to load is loaded lazily', () => {
  const broken = importsThat(
    rooms,
    (_, { what, lazy, typeOnly }) => LAZY.includes(what) && !lazy && !typeOnly,
  );
  assert.deepEqual(broken, []);
});

test('sources use no require() and no builtin by another way', () => {
  const broken = rooms.filter(({ text }) => /\brequire\(|\bcreateRequire\b|\bgetBuiltinModule\b/.test(text));
  assert.deepEqual(
    broken.map((source) => source.path),
    [],
  );
});

test('only tell.ts speaks to people, where it is cleaned; beside it the log, a crash and the reporter', () => {
  const speaks = /\bprocess\.std(out|err)\.write\((?!'')|\bwriteSync\([12],|\bconsole\.\w/;
  const allowed = ['runtime/src/people/tell.ts', 'runtime/src/process/lifecycle.ts', 'report/src/main.ts'];
  const broken = rooms.filter(({ path, text }) => !allowed.includes(path) && speaks.test(text));
  assert.deepEqual(
    broken.map((source) => source.path),
    [],
  );
});

test('only clock.ts reads a clock', () => {
  const clock =
    /\bDate\.now\b|\bperformance\.now\b|\bhrtime\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bprocess\.uptime\b/;
  const broken = rooms.filter(
    ({ path, text }) => path !== 'runtime/src/machine/clock.ts' && clock.test(text),
  );
  assert.deepEqual(
    broken.map((source) => source.path),
    [],
  );
});

test("only transitions.ts makes or changes the state of a client's ban", () => {
  const changes =
    /\bstatus: '(pending|applied|already|skipped|failed|lifting|released|unproven)'[,\s]*[\w}.]|\.status = /;
  // state.ts stores the row that it is given; whoever writes a column by itself makes a state that no step leads to.
  const stores = ['client/src/bans/state.ts', 'client/src/bans/state-schema.ts'];
  const byItself = /\bUPDATE bans SET [^;]*?\bstatus\s*=/i;
  const broken = rooms.filter(
    ({ path, text }) =>
      path.startsWith('client/src/') &&
      ((path !== 'client/src/bans/transitions.ts' && changes.test(text)) ||
        (!stores.includes(path) && byItself.test(text))),
  );
  assert.deepEqual(
    broken.map((source) => source.path),
    [],
  );
});

test('only exit-codes.ts says with which number a program ends', () => {
  const number = /\bprocess\.exit(?:Code = |\()\d|\bcode: (?:[01]|6[4-9]|7[0-8])\b/;
  const broken = rooms.filter(({ text }) => number.test(text));
  assert.deepEqual(
    broken.map((source) => source.path),
    [],
  );
});

test('protocol has no chance in it', () => {
  const broken = rooms.filter(
    (source) => source.package === 'protocol' && /\bMath\.random\b/.test(source.text),
  );
  assert.deepEqual(broken, []);
});

test('no file is called after a heap of things', () => {
  const heap = /^(utils?|helpers?|common|manager|service|misc|shared)$/;
  const broken = sources.filter(({ path }) =>
    path.split('/').some((part) => heap.test(basename(part, '.ts'))),
  );
  assert.deepEqual(
    broken.map((source) => source.path),
    [],
  );
});

test('no file is longer than 400 lines, and half of the sources are under 120', () => {
  const files = globSync(['packages/*/{src,test}/**/*.ts', 'scripts/**/*.ts', 'test/**/*.ts'], { cwd: ROOT });
  const lines = (path: string) => readFileSync(join(ROOT, path), 'utf8').split('\n').length - 1;
  assert.deepEqual(
    files.filter((path) => lines(path) > 400),
    [],
  );
  const lengths = rooms.map((source) => source.text.split('\n').length - 1).sort((a, b) => a - b);
  assert.ok((lengths[Math.floor(lengths.length / 2)] ?? 0) < 120, 'the median source has 120 lines or more');
});

test('every package declares exactly what its sources import, and no side effects', () => {
  for (const name of Object.keys(MAY_IMPORT)) {
    const { dependencies, sideEffects } = JSON.parse(
      readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'),
    ) as { dependencies: Record<string, string>; sideEffects?: boolean };
    const used = new Set(
      rooms
        .filter((source) => source.package === name)
        .flatMap((source) => imports(source.text))
        .map(({ what }) => (what === 'yargs/helpers' ? 'yargs' : packageOf(what)))
        .filter((what) => !what.startsWith('.') && !what.startsWith('node:')),
    );
    assert.deepEqual(Object.keys(dependencies).sort(), [...used].sort(), name);
    assert.equal(sideEffects, false, `${name} sets no "sideEffects": false`);
  }
});

test('every socket is made, watched and connected in a way that no signal ends: see interrupted.ts and handshakes.ts', () => {
  for (const path of globSync('packages/transport/src/*.ts', { cwd: ROOT })) {
    const text = readFileSync(join(ROOT, path), 'utf8');
    const bare = [
      ...text.matchAll(/.*(?<!=> )\bnew (?:Router|Publisher|Request|Dealer|Subscriber)\(.*/g),
      ...text.matchAll(/.*(?<!=> [\w.]+)\.(?:connect|subscribe)\((?!\)).*/g),
      ...(basename(path) === 'handshakes.ts' ? [] : text.matchAll(/.*\bsocket\.events\b.*/g)),
    ].map(([line]) => `${path}: ${line.trim()}`);
    assert.deepEqual(bare, []);
  }
});
