import { bad, good, type Result } from '@banshare/protocol';

/** What a server needs of a generation; the join key's secret half is none of its business. */
export const GENERATION_FILES = ['fleet.toml', 'server.key', 'server.key_secret', 'join.key'] as const;

/** A generation as it comes to a server that packages installed: what each of its files holds. It is as secret as the server's key. */
export type GenerationFiles = Readonly<Record<(typeof GENERATION_FILES)[number], string>>;

const KIND = 'banshare generation 1';

/** Writes a generation as one text. */
export function formatGenerationFile(files: GenerationFiles): string {
  return `${JSON.stringify({ kind: KIND, files }, null, 2)}\n`;
}

/** Reads such a text; the fault ends a sentence about its file. What the files hold is not looked at. */
export function parseGenerationFile(text: string): Result<GenerationFiles> {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return bad('is no generation file: make one with make generation-file');
  }
  const { kind, files } = fieldsOf(read);
  if (kind !== KIND) return bad('is no generation file that this program knows');
  const found = fieldsOf(files);
  const missing = GENERATION_FILES.find((name) => typeof found[name] !== 'string');
  if (missing !== undefined) return bad(`is not whole: it lacks ${missing}`);
  const entries = GENERATION_FILES.map((name) => [name, String(found[name])] as const);
  return good(Object.fromEntries(entries) as GenerationFiles);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
