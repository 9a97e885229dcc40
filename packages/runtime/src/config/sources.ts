import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tomlFault } from './toml-fault.ts';

/** One file of a configuration. */
export type Source = {
  readonly file: string;
  readonly text: string;
  readonly document: Readonly<Record<string, unknown>>;
};

export type Sources = { ok: true; sources: Source[] } | { ok: false; faults: string[]; code?: string };

/**
 * Reads a file and what lies beside it in its folder of additions: `server.toml`, then `server.d/*.toml` in the order of their names. Names
 * that begin with a dot are an editor's. A file that is not there is empty, unless it must exist.
 */
export async function readSources(path: string, mustExist: boolean): Promise<Sources> {
  const additions = additionsTo(path);
  if (!additions.ok) return additions;
  const texts: { file: string; text: string }[] = [];
  for (const file of [path, ...additions.files]) {
    try {
      texts.push({ file, text: readFileSync(file, 'utf8') });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (file !== path || code !== 'ENOENT' || mustExist) return cannotRead(file, error);
    }
  }
  if (texts.length === 0) return { ok: true, sources: [] };
  // Only here: most hosts have no file, and the reporter starts once per ban.
  const { parse } = await import('smol-toml');
  const sources: Source[] = [];
  const faults: string[] = [];
  for (const { file, text } of texts) {
    try {
      sources.push({ file, text, document: parse(text) });
    } catch (error) {
      faults.push(`Cannot read ${file}: ${tomlFault(error)}`);
    }
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, sources };
}

const ENDING = /\.toml$/;

/** The folder with a file's additions: `server.d` of `server.toml`; undefined where its name says none. */
function additionsFolder(path: string): string | undefined {
  return ENDING.test(path) ? path.replace(ENDING, '.d') : undefined;
}

/** Whether a name in that folder is an addition's. */
export function isAddition(name: string): boolean {
  return ENDING.test(name) && !name.startsWith('.');
}

function additionsTo(path: string): { ok: true; files: string[] } | Extract<Sources, { ok: false }> {
  const folder = additionsFolder(path);
  if (folder === undefined) return { ok: true, files: [] };
  try {
    const names = readdirSync(folder).filter(isAddition).toSorted();
    return { ok: true, files: names.map((name) => join(folder, name)) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? { ok: true, files: [] } : cannotRead(folder, error);
  }
}

function cannotRead(file: string, error: unknown): Extract<Sources, { ok: false }> {
  const { code, message } = error as NodeJS.ErrnoException;
  return {
    ok: false,
    faults: [`Cannot read ${file}: ${message}`],
    ...(code === undefined ? {} : { code }),
  };
}

const SECTION = /^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(?:#.*)?$/;
const KEY = /^\s*([\w."'-]+(?:\s*\.\s*[\w"'-]+)*)\s*=/;

/**
 * The number of the line, from 1, where TOML sets a key such as `apply.timeout`, or begins a section; undefined where it is
 * written in a way that this does not know, as in a table on one line.
 */
export function lineOf(text: string, key: string): number | undefined {
  let section = '';
  for (const [index, line] of text.split('\n').entries()) {
    const header = SECTION.exec(line)?.[1];
    if (header !== undefined) section = bare(header);
    const name = header === undefined ? KEY.exec(line)?.[1] : undefined;
    const here = name === undefined ? section : section === '' ? bare(name) : `${section}.${bare(name)}`;
    if ((header ?? name) !== undefined && here === key) return index + 1;
  }
  return undefined;
}

function bare(name: string): string {
  return name.replaceAll(/["'\s]/g, '');
}
