import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OptionTable } from '../../src/config/option-table.ts';
import { clientOptions, serverOptions } from '../../src/config/options.ts';

const TABLES: readonly (readonly [file: string, table: OptionTable])[] = [
  ['server', serverOptions],
  ['client', clientOptions],
];

for (const [file, table] of TABLES) {
  for (const [key, option] of Object.entries(table)) {
    test(`${file}.toml: ${key} has a name in kebab-case, one sentence of help and a value that its kind takes`, () => {
      assert.match(key, /^[a-z]+(-[a-z]+)*(\.[a-z]+\d?(-[a-z]+)*)?$/);
      assert.match(option.help, /^[A-Z].*\.$/);
      const shown = option.default ?? option.example;
      assert.deepEqual(option.kind(shown), {
        ok: true,
        value: (option.kind(shown) as { value: unknown }).value,
      });
    });
  }
}
