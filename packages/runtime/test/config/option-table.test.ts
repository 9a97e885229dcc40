import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationOrForEver, flag, integer, mapOf, text } from '../../src/config/kinds/kinds.ts';
import { option, optional, readOptions, required, seconds } from '../../src/config/option-table.ts';

const table = {
  name: required(text, 'A name.'),
  'hold-for': seconds(durationOrForEver, '5m', 'How long.'),
  'apply.dry-run': option(flag, false, 'Whether.'),
  'apply.jails-of-ours': option(mapOf(text, text), {}, 'Which.'),
  'apply.most': optional(integer(0, 9), 3, 'How many.'),
};

test('readOptions() names fields after keys, durations after their unit, and fills in defaults', () => {
  assert.deepEqual(readOptions(table, { name: 'x', apply: { most: 4 } }, 'f'), {
    ok: true,
    config: {
      name: 'x',
      holdForSeconds: 300,
      apply: { dryRun: false, jailsOfOurs: new Map(), most: 4 },
    },
  });
});

test('readOptions() gives its configuration a type', () => {
  const read = readOptions(table, { name: 'x' }, 'f');
  assert.ok(read.ok);
  const most: number | undefined = read.config.apply.most;
  const hold: number = read.config.holdForSeconds;
  const dry: boolean = read.config.apply.dryRun;
  assert.deepEqual([most, hold, dry], [undefined, 300, false]);
});

test('readOptions() takes a section that nobody knows for the nearest one, before a key of that name elsewhere', () => {
  const most = table['apply.most'];
  const read = readOptions(
    { 'drill.limit': most, 'limits.active': most },
    { limit: { active: 1 } },
    'f.toml',
  );
  assert.deepEqual(read.ok ? [] : read.faults, [
    'Cannot use "limit" in f.toml: there is no such section; did you mean [limits]?',
  ]);
});

test('readOptions() collects every fault', () => {
  const read = readOptions(table, { apply: { dryRun: true, most: 12 }, other: 1 }, 'f.toml');
  assert.deepEqual(read.ok ? [] : read.faults, [
    'Cannot use "apply.dryRun" in f.toml: there is no such option; did you mean "apply.dry-run"?',
    'Cannot use "other" in f.toml: there is no such option',
    'Cannot use f.toml: "name" is missing',
    'Cannot use "apply.most" in f.toml: it must be a whole number from 0 to 9, not 12',
  ]);
});
