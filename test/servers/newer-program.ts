import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const END = '];\n\n/** The version of the tables that this program knows. */';
/** What a later version could do: a new table, filled of the rows that are there. Every replica has to come out with the same ones. */
const PLANTED = `
  \`CREATE TABLE planted (host INTEGER NOT NULL, id TEXT NOT NULL, verdict TEXT NOT NULL, PRIMARY KEY (host, id)) STRICT, WITHOUT ROWID;
   INSERT INTO planted SELECT host, id, verdict FROM reports;\`,
`;

/** Lays a server of the next version into a folder: the sources of this one, and one more step of the tables. Returns the file that starts it. */
export function layNewer(folder: string): string {
  const copy = join(folder, 'packages/server');
  mkdirSync(copy, { recursive: true });
  for (const name of ['src', 'package.json'])
    cpSync(join(ROOT, 'packages/server', name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const schema = join(copy, 'src/ledger/schema.ts');
  const text = readFileSync(schema, 'utf8');
  assert.equal(text.split(END).length, 2, 'the steps of the schema end as they did');
  writeFileSync(
    schema,
    text.replace(END, () => `${PLANTED}${END}`),
  );
  return join(copy, 'src/main.ts');
}
