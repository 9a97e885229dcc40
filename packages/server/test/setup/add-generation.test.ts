import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { formatGenerationFile, GENERATION_FILES, hostPaths, type GenerationFiles } from '@banshare/runtime';
import { addGeneration } from '../../src/setup/add-generation.ts';
import { readGenerations } from '../../src/setup/generations.ts';
import { layGeneration } from '../generations.ts';

const folder = mkdtempSync(join(tmpdir(), 'banshare-generation-'));
after(() => {
  rmSync(folder, { recursive: true });
});
const paths = hostPaths(join(folder, 'server'));
const NAME = '20261121T104500Z-a1b2c3';
const file = join(folder, 'generation');

/** A generation as its makers have it, in a file for this server. */
async function writeFresh(change: Partial<GenerationFiles> = {}): Promise<GenerationFiles> {
  const root = mkdtempSync(join(folder, 'makers-'));
  await layGeneration(root, NAME);
  const read = (name: string): string => readFileSync(join(hostPaths(root).generations, NAME, name), 'utf8');
  const files = Object.fromEntries(GENERATION_FILES.map((name) => [name, read(name)])) as GenerationFiles;
  writeFileSync(file, formatGenerationFile({ ...files, ...change }), { mode: 0o600 });
  return files;
}

beforeEach(() => {
  rmSync(join(folder, 'server'), { recursive: true, force: true });
  mkdirSync(paths.generations, { recursive: true, mode: 0o700 });
  rmSync(file, { recursive: true, force: true });
});

test('a generation from a file is whole, for its owner only, and one that the server can serve; said again it is here already', async () => {
  const files = await writeFresh();
  const added = await addGeneration(paths, file);
  assert.ok(added.ok, added.ok ? '' : added.fault);
  assert.equal(added.value.isNew, true);
  const { generations, faults } = readGenerations(paths.generations);
  assert.deepEqual(faults, []);
  assert.deepEqual(
    generations.map(({ name }) => name),
    [NAME],
  );
  for (const name of GENERATION_FILES) {
    const path = join(paths.generations, NAME, name);
    assert.equal(readFileSync(path, 'utf8'), files[name]);
    assert.equal(statSync(path).mode & 0o777, 0o600, name);
  }
  assert.equal(statSync(join(paths.generations, NAME)).mode & 0o777, 0o700);
  assert.deepEqual(await addGeneration(paths, file), {
    ok: true,
    value: { fleet: added.value.fleet, isNew: false },
  });
});

const refused: readonly (readonly [what: string, words: RegExp, lay: () => Promise<void>])[] = [
  [
    'a link',
    /it is a link; give the file itself/,
    async () => {
      await writeFresh();
      rmSync(join(folder, 'elsewhere'), { force: true });
      linkSync(file, join(folder, 'elsewhere'));
      rmSync(file);
      symlinkSync(join(folder, 'elsewhere'), file);
    },
  ],
  [
    'a file that others may read',
    /its mode must be 0600, it is 0644/,
    async () => {
      await writeFresh();
      chmodSync(file, 0o644);
    },
  ],
  [
    'a folder',
    /it is no plain file/,
    async () => {
      mkdirSync(file);
    },
  ],
  ['no JSON', /is no generation file: make one/, async () => writeFileSync(file, 'x', { mode: 0o600 })],
  [
    'another kind',
    /no generation file that this program knows/,
    async () => writeFileSync(file, '{"kind":"x"}', { mode: 0o600 }),
  ],
  [
    'one without a key',
    /lacks server\.key_secret/,
    async () => {
      await writeFresh({ 'server.key_secret': undefined as never });
    },
  ],
  [
    'the key of another generation',
    /is not the key that its fleet\.toml names/,
    async () => {
      const other = await writeFresh();
      await writeFresh({
        'server.key_secret': other['server.key_secret'],
        'server.key': other['server.key'],
      });
    },
  ],
  [
    'a name that is a path',
    /has a fault/,
    async () => {
      const files = await writeFresh();
      await writeFresh({ 'fleet.toml': files['fleet.toml'].replace(NAME, '../../x') });
    },
  ],
];
for (const [what, words, lay] of refused)
  test(`${what} is refused, and nothing is laid`, async () => {
    await lay();
    const added = await addGeneration(paths, file);
    assert.match(added.ok ? '' : added.fault, words);
    assert.deepEqual(readdirSync(paths.generations), []);
  });

test(
  "another user's file is refused",
  { skip: process.getuid?.() !== 0 && 'only root can give a file away' },
  async () => {
    await writeFresh();
    const { chownSync } = await import('node:fs');
    chownSync(file, 65_534, 65_534);
    const added = await addGeneration(paths, file);
    assert.match(added.ok ? '' : added.fault, /belongs to another user/);
  },
);

test('a generation of that name with other files stays as it is', async () => {
  await layGeneration(join(folder, 'server'), NAME);
  await writeFresh();
  const added = await addGeneration(paths, file);
  assert.match(added.ok ? '' : added.fault, /is there already, with other files; nothing was changed/);
});

test('a generation whose port something listens on is refused: the server would not start', async () => {
  const files = await writeFresh();
  const port = Number(/^report-port = (\d+)$/m.exec(files['fleet.toml'])?.[1]);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, resolve));
  const added = await addGeneration(paths, file);
  other.close();
  assert.match(added.ok ? '' : added.fault, new RegExp(`listens on its port ${port} already`));
  assert.deepEqual(readdirSync(paths.generations), []);
});
