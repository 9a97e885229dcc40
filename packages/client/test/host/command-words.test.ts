import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitWords } from '@banshare/runtime';
import fc from 'fast-check';
import { fillWords, type Filling } from '../../src/host/command-words.ts';

const filling: Filling = {
  ip: '203.0.113.9',
  jail: 'sshd',
  prog: 'fail2ban',
  port: 'http,https',
  protocol: 'tcp',
  seconds: -1,
};

const table: [what: string, words: string[], filled: string[], values?: Partial<Filling>][] = [
  [
    'fills the words of fail2ban-client',
    ['fail2ban-client', 'set', 'JAIL', 'banip', 'SRCIP'],
    ['fail2ban-client', 'set', 'sshd', 'banip', '203.0.113.9'],
  ],
  ['fills inside a word', ['--src=SRCIP/32', 'f2b-JAIL'], ['--src=203.0.113.9/32', 'f2b-sshd']],
  ['fills several in a word', ['JAIL_SRCIP:PORT'], ['sshd_203.0.113.9:http,https']],
  ['writes -1 for ever', ['timeout', 'SECONDS'], ['timeout', '-1']],
  ['knows PROTOCOL from PORT and PROG', ['PROTOCOL', 'PORT', 'PROG'], ['tcp', 'http,https', 'fail2ban']],
  [
    'leaves PORTSCAN whole',
    ['PORTSCAN', 'SRCIPS', 'MYJAIL', 'JAIL2'],
    ['PORTSCAN', 'SRCIPS', 'MYJAIL', 'JAIL2'],
  ],
  ['leaves a jail called PORTSCAN whole', ['JAIL'], ['PORTSCAN'], { jail: 'PORTSCAN' }],
  [
    'does not look again at what it filled in',
    ['JAIL', 'SRCIP'],
    ['SRCIP', '203.0.113.9'],
    { jail: 'SRCIP' },
  ],
  ['takes $& as letters', ['JAIL'], ["$&$1$'"], { jail: "$&$1$'" }],
  ['keeps an empty value a word', ['--port', 'PORT'], ['--port', ''], { port: '' }],
  ['keeps blanks inside a word', ['PORT'], ['a b'], { port: 'a b' }],
];

for (const [what, words, filled, values = {}] of table) {
  test(`fillWords() ${what}`, () => {
    assert.deepEqual(fillWords(words, { ...filling, ...values }), filled);
  });
}

test('fillWords() never makes more or fewer words, and fills each by itself', () => {
  const value = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('SRCIP', 'JAIL PORT', ';', '$(id)'));
  const word = fc.oneof(fc.string(), fc.constantFrom('SRCIP', 'xJAILx', 'PORTSCAN', 'PROTOCOL', 'SECONDS'));
  fc.assert(
    fc.property(fc.array(word), value, value, (words, ip, jailText) => {
      const values = { ...filling, ip, jail: jailText };
      const filled = fillWords(words, values);
      assert.equal(filled.length, words.length);
      for (const [index, each] of words.entries())
        assert.deepEqual(fillWords([each], values), [filled[index]]);
    }),
  );
});

test('A quoted placeholder of the configuration is one word, whatever it is filled with', () => {
  const words = splitWords(`/sbin/ban "JAIL and SRCIP" 'SECONDS'`);
  assert.ok(words.ok);
  assert.deepEqual(fillWords(words.value, { ...filling, jail: "a' b;c" }), [
    '/sbin/ban',
    "a' b;c and 203.0.113.9",
    '-1',
  ]);
});
