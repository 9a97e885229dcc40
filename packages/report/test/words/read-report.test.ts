import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readReport } from '../../src/words/read-report.ts';

test('readReport() makes a report of three words, the address in its canonical form', () => {
  const read = readReport(['fail2ban', 'sshd', '2001:DB8:0::9'], 600, { failures: 3 });
  assert.deepEqual(read, {
    report: { prog: 'fail2ban', jail: 'sshd', ip: '2001:db8::9', durationSeconds: 600, failures: 3 },
  });
});

test('readReport() leaves a duration that was not given to the server', () => {
  const read = readReport(['psad', 'psad', '203.0.113.9'], undefined, {});
  assert.deepEqual(read, { report: { prog: 'psad', jail: 'psad', ip: '203.0.113.9' } });
});

const HOSTILE_ADDRESSES = [
  '',
  ' ',
  '-h',
  '1',
  '0.0.0.0/0',
  '010.0.0.1',
  'localhost',
  '203.0.113.9;id',
  '203.0.113.9\n',
  '203.0.113.9 ',
  '$(id)',
  '`id`',
  '"203.0.113.9"',
  "'203.0.113.9'",
  '203.0.113.9\0',
  '::203.0.113.9',
  'fe80::1%eth0',
  '203.0.113.999',
  '0x7f.1',
  'x'.repeat(102_400),
];

for (const ip of HOSTILE_ADDRESSES) {
  test(`readReport() ends with 65 for the address ${JSON.stringify(ip.slice(0, 20))}`, () => {
    assert.equal(codeOf(['fail2ban', 'sshd', ip]), 65);
  });
}

for (const name of [
  '',
  '-d',
  'a b',
  'a;b',
  'a\nb',
  '../../etc',
  '.hidden',
  '$(id)',
  'é',
  'x'.repeat(65),
  'a\0b',
]) {
  test(`readReport() ends with 65 for the name ${JSON.stringify(name.slice(0, 20))}`, () => {
    assert.equal(codeOf([name, 'sshd', '203.0.113.9']), 65);
    assert.equal(codeOf(['fail2ban', name, '203.0.113.9']), 65);
  });
}

for (const ip of ['127.0.0.1', '10.1.2.3', '::1', '::', '::ffff:10.0.0.1', '224.0.0.1', '64:ff9b::a00:1']) {
  test(`readReport() ends with 77 for ${ip}, which is never banned`, () => {
    assert.equal(codeOf(['fail2ban', 'sshd', ip]), 77);
  });
}

test('readReport() says what is wrong in one printable line, whatever the word holds', () => {
  const word = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 500 }));
  fc.assert(
    fc.property(fc.array(word, { minLength: 3, maxLength: 3 }), (words) => {
      const read = readReport(words, undefined, {});
      if ('report' in read) return;
      assert.match(read.ending.says ?? '', /^[\x20-\x7e…]{1,400}$/);
    }),
  );
});

function codeOf(words: readonly string[]): number | undefined {
  const read = readReport(words, undefined, {});
  return 'ending' in read ? read.ending.code : undefined;
}
