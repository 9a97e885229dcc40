// The pages of the manual: what is written by hand in installers/man, with the tables of the code and sections of the READMEs where its
// comments name them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Fault, ROOT } from '../say.ts';
import {
  flat,
  meaningOf,
  programOf,
  reportHelp,
  type ShownCommand,
  type ShownOption,
} from './command-table.ts';
import { exitCodesOf } from './exit-codes.ts';
import { keyLines } from './keys.ts';
import { blocksOf, sectionOf, type Block } from './markdown.ts';
import { filled, mdocOf, tagged, words } from './mdoc.ts';

/** A page of the manual. */
export type ManualPage = {
  /** As in `banshare-server.8`. */
  readonly name: string;
  /** Below a folder of manuals such as /usr/share/man: `man8/banshare-server.8.gz`. */
  readonly path: string;
  /** With which programs it is installed: those of the server, those of a host, or either. */
  readonly role: 'server' | 'client' | 'both';
  /** mdoc. */
  readonly text: string;
  /** The same as it is installed: by gzip, which notes no time. */
  readonly bytes: Buffer;
};

const PAGES = [
  ['banshare-server', 8, 'server'],
  ['banshare-client', 8, 'client'],
  ['banshare-report', 1, 'client'],
  ['banshare.toml', 5, 'both'],
  ['banshare', 7, 'both'],
] as const;

type Name = (typeof PAGES)[number][0];

/** Every page, always with the same bytes for the same sources. Throws a Fault where something that a page names is not there. */
export function manualPages(): ManualPage[] {
  const date = dateOfRelease();
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  return PAGES.map(([title, section, role]) => {
    const name = `${title}.${section}`;
    const written = blocksOf(readFileSync(join(ROOT, 'installers/man', `${name}.md`), 'utf8'));
    const [first, ...rest] = written;
    if (first?.kind !== 'heading' || !first.text.startsWith(`${title}: `))
      throw new Fault(
        `Cannot make ${name}: installers/man/${name}.md has to begin with "# ${title}: what it is"`,
      );
    const text = [
      `.\\" Made of installers/man/${name}.md and the tables in the code: change it there.`,
      `.Dd ${date}`,
      `.Dt ${title.toUpperCase()} ${section}`,
      // What man writes at the foot, which else is BSD; said behind .Os it would be bad style to mandoc, which names the machine's system.
      `.ds doc-default-operating-system banshare\\~${version}`,
      '.Os',
      '.Sh NAME',
      `.Nm ${title}`,
      `.Nd ${words(first.text.slice(title.length + 2))}`,
      ...sections(title, rest),
      '',
    ].join('\n');
    const bytes = gzipSync(text, { level: 9 });
    return { name, path: `man${section}/${name}.gz`, role, text, bytes };
  });
}

/** Blocks as mdoc, each directive with what it stands for. */
function sections(title: Name, blocks: readonly Block[]): string[] {
  const lines: string[] = [];
  let written: Block[] = [];
  const flush = (): void => {
    lines.push(...mdocOf(written));
    written = [];
  };
  for (const block of blocks) {
    if (block.kind !== 'directive') {
      written.push(block);
      continue;
    }
    const [, file, heading] = /^from (\S+): (.*)$/.exec(block.text) ?? [];
    if (file !== undefined) {
      written.push(...imported(file, heading ?? ''));
      continue;
    }
    const what = DIRECTIVES[block.text];
    if (what === undefined)
      throw new Fault(`Cannot make the page ${title}: it has the unknown <!-- ${block.text} -->`);
    flush();
    lines.push(...what(title));
  }
  flush();
  return lines;
}

/** A section of another file; its own subsections stay that. */
function imported(file: string, heading: string): Block[] {
  const text = sectionOf(readFileSync(join(ROOT, file), 'utf8'), heading);
  if (text === undefined)
    throw new Fault(`Cannot take "${heading}" of ${file} into a page: there is no such heading`);
  return blocksOf(text).filter(({ kind }) => kind !== 'directive');
}

const DIRECTIVES: Readonly<Record<string, (title: Name) => string[]>> = {
  synopsis,
  commands,
  options,
  'exit codes': exitCodes,
  'see also': seeAlso,
  'keys of server.toml': () => keyLines('server.toml'),
  'keys of client.toml': () => keyLines('client.toml'),
  'keys of fleet.toml': () => keyLines('fleet.toml'),
};

function synopsis(title: Name): string[] {
  if (title === 'banshare-report')
    return reportHelp().usages.flatMap((usage) => [
      '.Nm',
      ...usage.split(' ').map((word) => {
        if (word === '[options]') return '.Op Ar options';
        return word.startsWith('-') ? `.Fl ${word.slice(1).replaceAll('-', '\\-')}` : `.Ar ${words(word)}`;
      }),
    ]);
  return ['.Nm', '.Op Ar options', '.Ar command', '.Op Ar words', '.Nm', '.Op Ar command', '.Fl \\-help'];
}

function commands(title: Name): string[] {
  if (title !== 'banshare-server' && title !== 'banshare-client') return [];
  const said = longTexts(title);
  return tagged(flat(programOf(title).commands).map((each) => [usageOf(each), aboutCommand(each, said)]));
}

/** As it is typed, with what is to be replaced slanted: `hosts approve [name]`. */
function usageOf({ name, usage }: ShownCommand): string {
  const positionals = usage.slice(name.length).trim();
  return `\`${name}\`${positionals
    .replace(
      /([[<])(\w+)(\.\.)?([\]>])/g,
      (_, opens: string, word: string, more = '') =>
        ` ${opens === '[' ? '[' : ''}*${word.toUpperCase()}*${more === '' ? '' : '…'}${opens === '[' ? ']' : ''}`,
    )
    .replaceAll('  ', ' ')}`;
}

function aboutCommand(command: ShownCommand, said: ReadonlyMap<string, readonly string[]>): string[] {
  const texts = said.get(command.name) ?? [`${command.describe}.`];
  const rows = [
    ...command.positionals
      .filter((each) => meaningOf(each) !== '')
      .map((each) => [`*${each.name.toUpperCase()}*`, each] as const),
    ...command.options.map((each) => [flagOf(each), each] as const),
  ];
  return [
    ...texts.flatMap((text, index) => [...(index === 0 ? [] : ['.Pp']), ...filled(sentence(text))]),
    ...(rows.length === 0 ? [] : tagged(rows.map(([tag, each]) => [tag, aboutOption(each)]))),
  ];
}

function sentence(text: string): string {
  const whole = text.endsWith('.') ? text : `${text}.`;
  return `${whole.slice(0, 1).toUpperCase()}${whole.slice(1)}`;
}

function flagOf({ name, short, value, isList }: ShownOption): string {
  const letter = short === undefined ? '' : `\`-${short}\`, `;
  return `${letter}\`--${name}\`${value === '' ? '' : ` *${value}*`}${isList ? '…' : ''}`;
}

function aboutOption(option: ShownOption): string[] {
  const initial = option.initial === '' ? '' : ` (default: \`${option.initial}\`)`;
  return filled(`${meaningOf(option)}${initial}`);
}

/** What the README of a program says of each command, in as many texts as it has rows. */
function longTexts(title: 'banshare-server' | 'banshare-client'): ReadonlyMap<string, readonly string[]> {
  const file = `packages/${title.slice('banshare-'.length)}/README.md`;
  const names = flat(programOf(title).commands).map(({ name }) => name);
  const texts = new Map<string, string[]>();
  for (const block of imported(file, 'What the commands do')) {
    if (block.kind !== 'table') continue;
    for (const [command = '', text = ''] of block.rows) {
      const typed = command.replaceAll('`', '').replace(`${title} `, '');
      const name = names
        .filter((each) => `${typed} `.startsWith(`${each} `))
        .toSorted((a, b) => b.length - a.length)[0];
      if (name === undefined)
        throw new Fault(`Cannot make ${title}(8): ${file} speaks of ${command}, which is no command`);
      const more = typed.slice(name.length).trim();
      texts.set(name, [
        ...(texts.get(name) ?? []),
        more.startsWith('--') && texts.has(name) ? `\`${more}\`: ${text}` : text,
      ]);
    }
  }
  return texts;
}

function options(title: Name): string[] {
  const all =
    title === 'banshare-report' ? reportHelp().options : programOf(title as 'banshare-server').everywhere;
  const last = title === 'banshare-report' ? 'prints this in short' : 'what a command takes';
  return tagged([
    ...all.map((each) => [flagOf(each), aboutOption(each)] as const),
    ['`--version`', filled('the version')],
    ['`--help`', filled(last)],
  ]);
}

function exitCodes(title: Name): string[] {
  const codes =
    title === 'banshare-report'
      ? reportHelp().codes
      : exitCodesOf(title === 'banshare-server' ? 'server' : 'client');
  return tagged(codes.map(([code, means]) => [String(code), filled(means)]));
}

/** The other pages, in the order of sections, as such lists are. */
function seeAlso(title: Name): string[] {
  const others = PAGES.filter(([each]) => each !== title).toSorted(
    ([a, one], [b, other]) => one - other || (a < b ? -1 : 1),
  );
  return others.map(
    ([each, section], index) => `.Xr ${each} ${section}${index < others.length - 1 ? ' ,' : ''}`,
  );
}

/** When the newest version in CHANGELOG.md was: a page is the same whenever it is made. */
function dateOfRelease(): string {
  const changes = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8');
  const [, day] = /^## \d\S*, (\d{4}-\d\d-\d\d)$/m.exec(changes) ?? [];
  if (day === undefined)
    throw new Fault(
      'Cannot date the pages of the manual: CHANGELOG.md needs a heading such as "## 0.1.0, 2026-11-21"',
    );
  return new Date(day).toLocaleDateString('en-US', { dateStyle: 'long', timeZone: 'UTC' });
}
