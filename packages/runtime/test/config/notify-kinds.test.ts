import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isClearText, notifyTable } from '../../src/config/kinds/notify-kinds.ts';

const URL = 'https://hooks.example.org/T0KEN';

test('a [[notify]] table has what its kind needs, urgent things and one message in ten minutes by default', () => {
  assert.deepEqual(notifyTable({ kind: 'webhook', url: URL }), {
    ok: true,
    value: { kind: 'webhook', for: ['urgent'], atMost: { count: 1, withinSeconds: 600 }, url: URL },
  });
  const mail = notifyTable({
    kind: 'mail',
    to: ['ops@example.org'],
    for: ['to-do', 'pending'],
    'at-most': '3 per 1h',
  });
  assert.partialDeepStrictEqual(mail, {
    value: { to: ['ops@example.org'], atMost: { count: 3, withinSeconds: 3600 } },
  });
});

const WRONG: [table: unknown, fault: RegExp][] = [
  ['x', /must be a table, written \[\[notify\]\]/],
  [{}, /needs a kind: webhook/],
  [{ kind: 'pager' }, /is wrong in kind/],
  [{ kind: 'webhook' }, /either url or url-file/],
  [{ kind: 'webhook', url: URL, 'url-file': '/x' }, /either url or url-file/],
  [{ kind: 'webhook', url: 'ftp://x/T0KEN' }, /begins with https/],
  [{ kind: 'ntfy', 'url-file': 'relative' }, /must be a path from \//],
  [{ kind: 'ntfy', url: 'http://ntfy.example.org/x', 'token-file': '/t' }, /clear text/],
  [{ kind: 'mail' }, /needs to/],
  [{ kind: 'mail', to: ['-oQ/tmp@x'] }, /no mail address/],
  [{ kind: 'mail', to: ['a@b\nBcc: c@d'] }, /no mail address/],
  [{ kind: 'mail', to: ['a@example.org, b@example.org'] }, /no mail address/],
  [{ kind: 'mail', to: ['a@example.org'], command: 'x' }, /nothing for kind = "mail"/],
  [{ kind: 'command' }, /needs a command/],
  [{ kind: 'command', command: "'x" }, /never closed/],
  [{ kind: 'command', command: 'x', for: [] }, /is for nothing/],
  [{ kind: 'command', command: 'x', for: ['URGENT'] }, /no kind of message/],
  [{ kind: 'command', command: 'x', 'at-most': '0 per 1h' }, /like "1 per 10m"/],
  [{ kind: 'command', command: 'x', 'at-most': '1 in 1h' }, /like "1 per 10m"/],
  [{ kind: 'command', command: 'x', toString: 1 }, /unknown key "toString"/],
];
for (const [table, fault] of WRONG)
  test(`a [[notify]] table is refused as ${JSON.stringify(table)}, and no address is shown`, () => {
    const read = notifyTable(table);
    assert.match(read.ok ? 'taken' : read.fault, fault);
    assert.doesNotMatch(read.ok ? '' : read.fault, /T0KEN/);
  });

test('clear text is what others hear: loopback is not', () => {
  const clear = ['http://ntfy.example.org/x', 'http://10.0.0.1/', 'http://localhost.example.org/'];
  const safe = ['https://ntfy.example.org/x', 'http://127.0.0.1:8080/', 'http://[::1]/', 'http://localhost/'];
  assert.deepEqual([...clear, ...safe].map(isClearText), [true, true, true, false, false, false, false]);
});
