import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { HostName } from '@banshare/protocol';
import { hostPaths } from '@banshare/runtime';
import { makeIdentity, writeHostKey } from '@banshare/transport';
import { FreshBuild, run, VERSION } from '../../test/installers/fresh-build.ts';
import { makeCode } from '../making/report-code.ts';

type Metafile = { outputs: Record<string, { inputs: object; imports: { path: string; kind: string }[] }> };

const fresh = new FreshBuild();
before(() => {
  for (const ran of [fresh.regen('--server=bans.example.org'), fresh.build()])
    assert.equal(ran.code, 0, ran.err);
});
after(() => {
  fresh[Symbol.dispose]();
});

for (const name of ['server', 'client', 'report']) {
  test(`banshare-${name} runs from where it was built, with no machine's Node`, () => {
    const ran = run(join(fresh.dist, 'bin', `banshare-${name}`), ['--version'], { PATH: '' });
    assert.deepEqual(ran, { code: 0, out: `${VERSION}\n`, err: '' });
  });
}

test('the launcher finds its tree by a link, by a bare name and below a folder with blanks', () => {
  const moved = fresh.path('a tree', 'elsewhere');
  mkdirSync(moved, { recursive: true });
  cpSync(fresh.dist, moved, { recursive: true });
  symlinkSync(join(moved, 'bin/banshare-report'), fresh.path('linked'));
  assert.equal(run(fresh.path('linked'), ['--version']).out, `${VERSION}\n`);
  assert.equal(run(join(moved, 'bin/banshare-report'), ['--version']).out, `${VERSION}\n`);
  const bare = run('env', ['-C', join(moved, 'bin'), 'sh', 'banshare-report', '--version']);
  assert.equal(bare.out, `${VERSION}\n`);
});

test('what completion asks is a small file of its own, which loads none of the program, and without a daemon says nothing', () => {
  const text = readFileSync(join(fresh.dist, 'lib/banshare/server-complete.cjs'), 'utf8');
  assert.ok(text.length < 64 * 1024, String(text.length));
  assert.doesNotMatch(text, /server-chunk|yargs|winston|zeromq|node:sqlite/);
  const words = ['__complete', 'hosts', '', fresh.path('nothing')];
  assert.deepEqual(run(join(fresh.dist, 'bin/banshare-server'), words), { code: 0, out: '', err: '' });
});

test('the launcher keeps NODE_OPTIONS of the machine away from the program', () => {
  const ran = run(join(fresh.dist, 'bin/banshare-report'), ['--version'], {
    NODE_OPTIONS: '--require=/nowhere',
  });
  assert.equal(ran.code, 0, ran.err);
});

test('the launcher keeps away what has Node print, write or wait for what nobody asked of the program', () => {
  const written = fresh.path('written');
  for (const more of [
    {
      NODE_DEBUG: 'module,net,fs',
      NODE_DEBUG_NATIVE: 'MKSNAPSHOT,CODE_CACHE',
      NODE_PENDING_DEPRECATION: '1',
    },
    { NODE_V8_COVERAGE: written, NODE_REDIRECT_WARNINGS: join(written, 'warnings') },
    { NODE_CHANNEL_FD: '99', NODE_UNIQUE_ID: '1' },
    { NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_ICU_DATA: '/nowhere', NODE_TEST_CONTEXT: 'child-v8' },
  ]) {
    for (const name of ['report', 'server']) {
      const ran = run(join(fresh.dist, 'bin', `banshare-${name}`), ['--version'], more);
      assert.deepEqual(ran, { code: 0, out: `${VERSION}\n`, err: '' }, JSON.stringify(more));
    }
  }
  assert.equal(existsSync(written), false);
});

for (const signal of ['SIGABRT', 'SIGQUIT', 'SIGSEGV'] as const) {
  test(`a reporter that ends by ${signal} leaves no core dump with its key in it, whatever its caller allows`, async (context) => {
    const folder = fresh.path(`core-${signal}`);
    const { keys } = hostPaths(folder);
    mkdirSync(keys.dir, { recursive: true, mode: 0o700 });
    writeHostKey(keys.host, await makeIdentity(), 'web1' as HostName);
    const child = spawn(
      'sh',
      [
        '-c',
        'ulimit -c unlimited 2>/dev/null; ulimit -c >&2; exec "$0" --stdin --root "$1"',
        join(fresh.dist, 'bin/banshare-report'),
        folder,
      ],
      { cwd: folder },
    );
    const ended = once(child, 'exit');
    context.after(() => child.kill('SIGKILL'));
    let said = '';
    const alive = Promise.withResolvers<void>();
    child.stderr.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.includes('line 1:')) alive.resolve();
    });
    child.stdin.on('error', () => undefined).write('a line that is none\n');
    await Promise.race([alive.promise, ended]);
    if (!said.startsWith('unlimited')) context.diagnostic('this machine allows no core dump anyway');
    assert.match(readFileSync(`/proc/${child.pid}/limits`, 'utf8'), /^Max core file size +0 +0 /m);
    child.kill(signal);
    assert.deepEqual(await ended, [null, signal], said);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('core')),
      [],
    );
  });
}

test('exactly one addon lies beside the bundles, and is the one that zeromq loads', () => {
  const addons = readdirSync(join(fresh.dist, 'lib/banshare')).filter((name) => name.endsWith('.node'));
  assert.deepEqual(addons, ['zeromq.node']);
  const program = fresh.path('asks.cjs');
  const bundle = join(fresh.dist, 'lib/banshare/zeromq.node');
  writeFileSync(
    program,
    `const zmq = require(${JSON.stringify(bundle)}); console.log(zmq.version, zmq.capability.curve)`,
  );
  assert.equal(run(join(fresh.dist, 'lib/banshare/node'), [program]).out, '4.3.5 true\n');
});

test('no secret key is in any built file', () => {
  const secrets = ['server', 'join'].map((name) => {
    const text = readFileSync(join(fresh.certs, `${name}.key_secret`), 'utf8');
    const secret = /secret-key = "(.{40})"/.exec(text)?.[1];
    assert.ok(secret !== undefined);
    return secret;
  });
  for (const path of builtFiles(fresh.dist)) {
    const bytes = readFileSync(path);
    for (const secret of secrets) assert.ok(!bytes.includes(secret), path);
  }
});

test('each bundle knows its server, ports and server key', () => {
  const fleet = readFileSync(join(fresh.certs, 'fleet.toml'), 'utf8');
  const values = [...fleet.matchAll(/= "?([^"\n]+)"?$/gm)].map((match) => match[1] ?? '');
  for (const program of ['server', 'client', 'report']) {
    const texts = builtFiles(fresh.dist)
      .filter((path) => new RegExp(`/${program}[-.][^/]*$`).test(path))
      .map((path) => readFileSync(path, 'utf8'));
    for (const value of values)
      assert.ok(
        texts.some((text) => text.includes(value)),
        `${program}: ${value}`,
      );
  }
});

test('the code that V8 made of the reporter fits it, and a reporter without it works as well', () => {
  const library = join(fresh.dist, 'lib/banshare');
  const name = readdirSync(library).find((each) => each.startsWith('report-code-'));
  assert.ok(name !== undefined);
  const flags = /"\$lib\/node" (.*) "\$lib/.exec(
    readFileSync(join(fresh.dist, 'bin/banshare-report'), 'utf8'),
  );
  const spy = fresh.path('spy.cjs');
  const start = readFileSync(join(library, 'report.cjs'), 'utf8').replaceAll('__dirname}', `LIBRARY}`);
  const says = 'console.log(script.cachedDataRejected);';
  writeFileSync(
    spy,
    `const LIBRARY = ${JSON.stringify(library)};${start.replace('script.runIn', `${says} script.runIn`)}`,
  );
  const ran = run(join(library, 'node'), [...(flags?.[1] ?? '').split(' '), spy, '--no-such-option']);
  assert.equal(ran.out, 'false\n');
  const bare = fresh.path('without code');
  cpSync(fresh.dist, bare, { recursive: true });
  rmSync(join(bare, 'lib/banshare', name));
  assert.equal(run(join(bare, 'bin/banshare-report'), ['--version']).out, `${VERSION}\n`);
});

test('a report by MAC loads of Node neither its cryptography nor its network, which take longer than the whole report', async () => {
  const library = join(fresh.dist, 'lib/banshare');
  const start = readFileSync(join(library, 'report.cjs'), 'utf8');
  const spy = 'script.createCachedData = () => process.moduleLoadList.join(); script.runIn';
  const loaded = String(await makeCode(library, [], start.replace('script.runIn', spy), true)).split(',');
  const have = (name: string): boolean => loaded.includes(`NativeModule ${name}`);
  assert.deepEqual(['fs', 'path', 'crypto', 'net', 'child_process'].filter(have), ['fs', 'path']);
});

test('winston, yargs, libsodium and the schema library are not in what a report loads', () => {
  const metafile = JSON.parse(readFileSync(join(fresh.metafiles, 'report.json'), 'utf8')) as Metafile;
  const loaded = new Set<string>();
  const load = (path: string) => {
    const output = metafile.outputs[path];
    if (output === undefined || loaded.has(path)) return;
    loaded.add(path);
    for (const each of output.imports) if (each.kind !== 'dynamic-import') load(each.path);
  };
  load('dist/lib/banshare/report.cjs');
  const sources = [...loaded].flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {}));
  assert.ok(sources.some((path) => path.includes('node_modules/zeromq/')));
  const packages = sources.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? 'banshare');
  assert.deepEqual([...new Set(packages)].toSorted(), ['banshare', 'ipaddr.js', 'zeromq']);
});

test('a build of the same generation is the same byte by byte wherever it is made, V8’s code too, with nothing of one before it, and of another one differs in every program', () => {
  using again = new FreshBuild();
  cpSync(fresh.certs, again.certs, { recursive: true });
  mkdirSync(join(again.dist, 'lib/banshare'), { recursive: true });
  writeFileSync(join(again.dist, 'lib/banshare/server-chunk-OLD.mjs'), '');
  again.build();
  assert.deepEqual(digests(again.dist), digests(fresh.dist));
  again.regen();
  again.build();
  const [now, then] = [digests(again.dist), digests(fresh.dist)];
  for (const program of ['server', 'client', 'report']) {
    const ofProgram = (all: Record<string, string>) =>
      Object.entries(all).filter(([name]) => new RegExp(`/${program}[-.]`).test(name));
    assert.notDeepEqual(ofProgram(now), ofProgram(then), program);
  }
});

test('an installed architecture stays below 140 MB', () => {
  const bytes = builtFiles(fresh.dist)
    .filter((path) => path.includes('/lib/'))
    .reduce((sum, path) => sum + statSync(path).size, 0);
  assert.ok(bytes < 140e6, `${(bytes / 1e6).toFixed(1)} MB`);
});

function builtFiles(dist: string): string[] {
  return ['bin', 'lib/banshare'].flatMap((folder) =>
    readdirSync(join(dist, folder)).map((name) => join(dist, folder, name)),
  );
}

/** Of what is built here: the runtime and the addon come as they are. */
function digests(dist: string): Record<string, string> {
  const files = builtFiles(dist).filter((path) => !/\/(node|zeromq\.node)$/.test(path));
  return Object.fromEntries(
    files.map((path) => [
      path.slice(dist.length),
      createHash('sha256').update(readFileSync(path)).digest('hex'),
    ]),
  );
}
