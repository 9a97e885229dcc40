import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ECHO_NOTE_SECONDS, echoNote, isEchoNoteYoung } from '../../src/index.ts';

test('the note of a ban is called JAIL@IP, as installers/shared-ban looks for it', () => {
  assert.equal(echoNote('/run/notes', { jail: 'sshd', ip: '2001:db8::9' }), '/run/notes/sshd@2001:db8::9');
  assert.match(sharedBan(), /-name "\*@\$1"/);
});

test('a note counts for ten minutes, in installers/shared-ban too; one from the future no longer', () => {
  assert.deepEqual(
    [0, 599, 601, -599, -601].map((age) => isEchoNoteYoung(age)),
    [true, true, false, true, false],
  );
  assert.ok(sharedBan().includes(` -mmin -${ECHO_NOTE_SECONDS / 60} `));
});

function sharedBan(): string {
  return readFileSync(join(import.meta.dirname, '../../../../installers/shared-ban'), 'utf8');
}
