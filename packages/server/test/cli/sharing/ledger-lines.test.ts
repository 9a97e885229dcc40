import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatInvitation, parseInvitation } from '../../../src/cli/sharing/invitation.ts';
import { withLedgerLines } from '../../../src/cli/sharing/ledger-lines.ts';

const lines = { log: 'postgres://a,b/banshare', durability: 'standby', passwordFile: '/etc/p' };
const told = 'log = "postgres://a,b/banshare"\ndurability = "standby"\npassword-file = "/etc/p"\n';

test('the lines of a log come into the section of the ledger, and everything else stays as it is', () => {
  assert.equal(withLedgerLines('', lines), `[ledger]\n${told}`);
  const plain = '# mine\n[listen]\nreport-port = 1\n';
  assert.equal(withLedgerLines(plain, lines), `${plain}\n[ledger]\n${told}`);
  const with_ = '[ledger] # keep it\nkeep = "9d"\n\n[log]\nlevel = "info"\n';
  assert.equal(
    withLedgerLines(with_, lines),
    `[ledger] # keep it\n${told}keep = "9d"\n\n[log]\nlevel = "info"\n`,
  );
});

test('lines of an earlier log are replaced, or taken away, and nothing of another section', () => {
  const before = `ledger.log = "x"\n[ledger]\nkeep = "9d"\n  log="postgres://old/x"\ndurability = "none"\n[other]\nlog = "stays"\n`;
  assert.equal(withLedgerLines(before, undefined), '[ledger]\nkeep = "9d"\n[other]\nlog = "stays"\n');
  assert.equal(withLedgerLines(before, lines), `[ledger]\n${told}keep = "9d"\n[other]\nlog = "stays"\n`);
});

test('an invitation is read as it was written, and what is none is refused', () => {
  const invitation = {
    log: 'postgres://a/b',
    durability: 'none',
    secret: 'ab'.repeat(32),
    password: undefined,
  };
  for (const each of [invitation, { ...invitation, password: 'geheim' }]) {
    assert.deepEqual(parseInvitation(formatInvitation(each)), { ok: true, value: each });
  }
  const text = formatInvitation(invitation);
  for (const wrong of [
    '',
    '[]',
    'null',
    '{}',
    text.replace('ab', 'AB'),
    text.replace('none', 'some'),
    text.replace('invitation 1', 'invitation 2'),
  ]) {
    assert.equal(parseInvitation(wrong).ok, false, wrong);
  }
});
