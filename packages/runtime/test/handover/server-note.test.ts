import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatServerNote, parseServerNote } from '../../src/handover/server-note.ts';
import { isMacNoted, isServerNoteYoung, readServerNote, writeServerNote } from '../../src/index.ts';

const NOW = 1_795_257_600;
const first = { name: 'bans.example', ip: '203.0.113.1' };
const note = { servers: [first] as const, macKey: 'k'.repeat(40) };

test('a note of the server is read as it was written, and words of a later version are left out', () => {
  const several = [first, { name: '2001:db8::2', ip: '2001:db8::2' }, { name: 'c.example', ip: '' }] as const;
  for (const each of [
    note,
    { servers: [{ name: 'bans.example', ip: '2001:db8::1' }] as const },
    { servers: several },
  ]) {
    assert.deepEqual(parseServerNote(formatServerNote(each)), each);
  }
  assert.equal(formatServerNote(note), `bans.example 203.0.113.1 mac:${note.macKey}\n`);
  const text = formatServerNote({ ...note, servers: several });
  assert.equal(
    text,
    `bans.example 203.0.113.1 mac:${note.macKey} next:2001:db8::2=2001:db8::2 next:c.example=\n`,
  );
  assert.deepEqual(parseServerNote(`bans.example 203.0.113.1 new:word mac:${note.macKey} more\n`), note);
});

test('the IP of a note is trusted for ten minutes, its key for as long as it is there', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-note-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'server-address');
  assert.equal(isServerNoteYoung(path, NOW), false);
  assert.equal(readServerNote(path), undefined);
  writeServerNote(path, note);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  for (const [age, isTrusted] of [
    [0, true],
    [599, true],
    [600, false],
    [-1, false],
  ] as const) {
    utimesSync(path, NOW - age, NOW - age);
    assert.equal(isServerNoteYoung(path, NOW), isTrusted);
    assert.deepEqual(readServerNote(path), note);
    assert.equal(isMacNoted(path, note.macKey), true);
  }
  assert.equal(isMacNoted(path, 'o'.repeat(40)), false);
});
