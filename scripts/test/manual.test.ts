import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { sharedFiles } from '../making/payload.ts';
import { flat, meaningOf, programOf, reportHelp } from '../manual/command-table.ts';
import { exitCodesOf } from '../manual/exit-codes.ts';
import { FILES } from '../manual/keys.ts';
import { blocksOf } from '../manual/markdown.ts';
import { mdocOf } from '../manual/mdoc.ts';
import { manualPages } from '../manual/pages.ts';
import { NOTIFY_KEYS } from '../../packages/runtime/src/config/kinds/notify-kinds.ts';
import { ROOT } from '../say.ts';
import { VERSION } from '../../test/installers/fresh-build.ts';

const pages = manualPages();
const folder = mkdtempSync(join(tmpdir(), 'banshare-manual-'));
after(() => rmSync(folder, { recursive: true }));
for (const { name, text } of pages) writeFileSync(join(folder, name), text);

const noMandoc = lacks('mandoc');
const noMan = lacks('man');

for (const name of ['banshare-server', 'banshare-client'] as const) {
  const { commands, everywhere } = programOf(name);
  test(`${name}(8) has every command, with each of its options and what it means`, () => {
    const text = tags(`${name}.8`);
    for (const { name: command, options, positionals } of flat(commands)) {
      const about = text.get(command);
      assert.ok(about !== undefined, command);
      for (const each of options) assert.ok(about.includes(`--${each.name}`), `${command} --${each.name}`);
      for (const each of [...options, ...positionals])
        assert.ok(about.includes(meaningOf(each)), meaningOf(each));
    }
    for (const each of everywhere)
      assert.ok(text.get(`--${each.name}`)?.includes(meaningOf(each)), each.name);
  });

  test(`${name}(8) has every exit code, and what it means`, () => {
    const text = tags(`${name}.8`);
    for (const [code, means] of exitCodesOf(name === 'banshare-server' ? 'server' : 'client'))
      assert.ok(text.get(String(code))?.includes(means), String(code));
  });
}

test('banshare-report(1) has every option and exit code that --help names', () => {
  const text = tags('banshare-report.1');
  const { options, codes, usages } = reportHelp();
  assert.ok(options.length >= 15 && codes.length >= 6 && usages.length === 5);
  for (const each of options) assert.ok(text.get(`--${each.name}`)?.includes(each.meaning), each.name);
  for (const [code, means] of codes) assert.ok(text.get(code)?.includes(means), code);
});

test('banshare.toml(5) has every key of the three files with its default, what it takes, and whether a reload is enough', () => {
  const text = words(textOf('banshare.toml.5'));
  for (const [file, table] of Object.entries(FILES)) {
    for (const [key, option] of Object.entries(table)) {
      const at = text.indexOf(words(option.help));
      assert.ok(at !== -1, `${file} ${key}`);
      const about = text.slice(at, text.indexOf('.It', at));
      if (option.default !== undefined)
        assert.ok(about.includes(`Default: ${JSON.stringify(option.default)}`), key);
      const counts = file === 'fleet.toml' ? 'a new generation' : option.takes;
      assert.match(about, new RegExp(`A change (?:counts after|takes) (?:a )?${counts}`), key);
      if (option.unit === 'seconds') assert.match(about, /a duration like "10m", (?:from \S+ to \S+|or -1)/);
    }
  }
  for (const key of NOTIFY_KEYS) assert.match(text, new RegExp(`\\.It[^.]*\\b${key}\\b`), key);
});

for (const name of ['server', 'client', 'report'] as const) {
  test(`banshare-${name} --help names its page, and that of trouble-shooting`, () => {
    const main = join(ROOT, `packages/${name}/src/main.ts`);
    const commands = { server: ['status', 'never-ban', 'hosts approve'], client: ['status'], report: [] }[
      name
    ];
    for (const words_ of ['', ...commands]) {
      const asked = [...words_.split(' ').filter(Boolean), '--help'];
      const { stdout } = spawnSync(process.execPath, [main, ...asked], { encoding: 'utf8' });
      assert.match(stdout, new RegExp(`man banshare-${name}\\b.*man 7 banshare`), words_);
    }
  });
}

test('the examples of the pages and their tables of symptoms name only commands and options that there are', () => {
  const known = new Map(
    (['banshare-server', 'banshare-client'] as const).map((name) => [name, programOf(name)] as const),
  );
  let seen = 0;
  for (const { name } of pages) {
    const written = readFileSync(join(ROOT, 'installers/man', `${name}.md`), 'utf8');
    for (const [, program = '', line = ''] of written.matchAll(/(banshare-(?:server|client)) ([^`\n]*)/g)) {
      const { commands, everywhere } = known.get(program as 'banshare-server') ?? {
        commands: [],
        everywhere: [],
      };
      const command = flat(commands)
        .filter((each) => `${line.trim()} `.startsWith(`${each.name} `))
        .toSorted((a, b) => b.name.length - a.name.length)[0];
      if (command === undefined && !line.startsWith('--')) continue;
      seen += 1;
      const options = [...(command?.options ?? []), ...everywhere].map((each) => `--${each.name}`);
      for (const [option] of (line.split('#')[0] ?? '').matchAll(/--[a-z-]+/g))
        assert.ok([...options, '--help', '--version'].includes(option), `${program} ${line}`);
    }
  }
  assert.ok(seen > 50, String(seen));
});

test('the pages are the same bytes whenever they are made, and bear the date of the newest version', () => {
  const again = manualPages();
  assert.deepEqual(
    again.map(({ bytes }) => bytes),
    pages.map(({ bytes }) => bytes),
  );
  const [, day = ''] = /^## \d\S*, (.*)$/m.exec(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')) ?? [];
  for (const { text, bytes } of pages) {
    const [, date = ''] = /^\.Dd (.*)$/m.exec(text) ?? [];
    assert.equal(new Date(`${date} UTC`).toISOString().slice(0, 10), day);
    assert.equal(gunzipSync(bytes).toString(), text);
    // The time in the head of a gzip.
    assert.equal(bytes.readUInt32LE(4), 0);
  }
});

test('installers and packages are handed each page with its path and its role', () => {
  assert.deepEqual(
    sharedFiles()
      .filter(({ path }) => path.startsWith('man/'))
      .map(({ path, role }) => `${role} ${path}`),
    [
      'server man/man8/banshare-server.8.gz',
      'client man/man8/banshare-client.8.gz',
      'client man/man1/banshare-report.1.gz',
      'both man/man5/banshare.toml.5.gz',
      'both man/man7/banshare.7.gz',
    ],
  );
});

test('mandoc has nothing to say about any page, style included', { skip: noMandoc }, () => {
  const ran = spawnSync('mandoc', ['-T', 'lint', ...pages.map(({ name }) => name)], { cwd: folder });
  assert.equal(`${String(ran.stdout)}${String(ran.stderr)}`, '');
});

test('the foot of every page names banshare and its version', { skip: noMan }, () => {
  for (const { name } of pages) {
    const ran = spawnSync('man', ['--local-file', join(folder, name)], {
      env: { ...process.env, MANWIDTH: '72', LC_ALL: 'C.UTF-8' },
      encoding: 'utf8',
    });
    const foot = ran.stdout.trimEnd().split('\n').at(-1) ?? '';
    assert.ok(foot.startsWith(`banshare ${VERSION} `), foot);
  }
});

test('man reads every page without a warning, and breaks no name of a program', { skip: noMan }, () => {
  for (const { name } of pages) {
    const ran = spawnSync('man', ['--warnings', '--local-file', join(folder, name)], {
      env: { ...process.env, MANWIDTH: '72', LC_ALL: 'C.UTF-8' },
      encoding: 'utf8',
    });
    assert.equal(ran.stderr, '', name);
    assert.ok(ran.stdout.length > 3000, name);
    assert.doesNotMatch(ran.stdout, /ban‐\n/);
  }
});

test(
  'whatever a text holds, a page shows it and takes nothing in it for its own language',
  { skip: noMandoc },
  () => {
    const hostile = [
      '.Sh gone',
      "'br and .Pp",
      '\\fBnot bold\\fR \\n(.x',
      'No Os Nd In "quoted" , ; .',
      "`.El` `a-b --c 'd' ^ ~ \\e`",
      'a dot.  Another one! Æ → 漢',
    ];
    const rows = hostile.map((each) => `| ${each} | ${each} |`).join('\n');
    const source = `# x\n\n${hostile.map((each) => `x\n${each}`).join('\n\n')}\n\n| a | b |\n|---|---|\n${rows}\n`;
    const page = ['.Dd May 1, 2026', '.Dt X 1', '.Os', ...mdocOf(blocksOf(source).slice(1))].join('\n');
    const ran = spawnSync('mandoc', ['-T', 'utf8', '-O', 'width=300'], {
      input: `${page}\n`,
      encoding: 'utf8',
    });
    // What is printed over itself is bold.
    const pieces = ran.stdout.split('\b');
    const once = pieces
      .map((piece, index) => (index < pieces.length - 1 ? piece.slice(0, -1) : piece))
      .join('');
    const shown = once.replaceAll(/\s+/g, ' ');
    for (const each of hostile) {
      const wanted = each.replaceAll('`', '').replaceAll(/\s+/g, ' ');
      assert.equal(shown.split(wanted).length - 1, 3, `${wanted}\n${shown}`);
    }
  },
);

/** The texts of a page by their tags; what a tag of a list holds includes its inner lists. */
function tags(name: string): Map<string, string> {
  const found = new Map<string, string>();
  const lines = textOf(name).split('\n');
  let depth = 0;
  for (const [index, line] of lines.entries()) {
    depth += Number(line.startsWith('.Bl')) - Number(line.startsWith('.El'));
    if (!line.startsWith('.It ')) continue;
    let inner = depth;
    const end = lines.slice(index + 1).findIndex((each) => {
      inner += Number(each.startsWith('.Bl')) - Number(each.startsWith('.El'));
      return inner < depth || (inner === depth && each.startsWith('.It'));
    });
    const [tag = ''] = words(line.slice(4)).split(/ (?=[A-Z[])/);
    const key = tag.replace(/^-\w, /, '');
    if (!found.has(key)) found.set(key, words(lines.slice(index, index + 1 + end).join(' ')));
  }
  return found;
}

/** A text as it is read: no fonts, no escapes, single blanks. */
function words(text: string): string {
  return text
    .replaceAll(/\\f[BIR]|\\%|\\&/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\(dq', '"')
    .replaceAll('\\(aq', "'")
    .replaceAll('\\(ti', '~')
    .replaceAll(/\\\[u([0-9A-F]+)\]/g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replaceAll(/\s+/g, ' ');
}

function textOf(name: string): string {
  const page = pages.find((each) => each.name === name);
  assert.ok(page !== undefined, name);
  return page.text;
}

function lacks(program: string): string | false {
  return spawnSync(program, ['--version']).error === undefined
    ? false
    : `${program} is not installed (Debian package: ${program === 'man' ? 'man-db' : program})`;
}
