import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kind } from '../../src/config/kinds/kinds.ts';

/** Checks what a kind reads, and that each wrong value gets a fault that says what is wanted. */
export function check(
  name: string,
  kind: Kind<unknown>,
  right: [unknown, unknown][],
  wrong: [unknown, RegExp][],
): void {
  test(`${name} takes ${right.map(([value]) => JSON.stringify(value)).join(' ')}`, () => {
    for (const [value, read] of right) assert.deepEqual(kind(value), { ok: true, value: read });
  });
  test(`${name} refuses ${wrong.map(([value]) => String(JSON.stringify(value)).slice(0, 40)).join(' ')}`, () => {
    for (const [value, fault] of wrong) {
      const read = kind(value);
      assert.ok(!read.ok, `took ${JSON.stringify(value)}`);
      assert.match(read.fault, fault);
    }
  });
}
/** Values that a kind returns as they are. */
export const same = (...values: unknown[]): [unknown, unknown][] => values.map((value) => [value, value]);
