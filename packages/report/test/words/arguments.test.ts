import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readArguments, type Arguments } from '../../src/words/arguments.ts';

const THREE = ['fail2ban', 'sshd', '203.0.113.9'];

/** What a command line sets beside the defaults; the words are left out where they are the usual three. */
function read(argv: readonly string[]): Partial<Arguments> | string {
  const parsed = readArguments(argv);
  if (!parsed.ok) return parsed.fault;
  const defaults = readArguments(THREE);
  assert.ok(defaults.ok);
  const plain: Record<string, unknown> = defaults.value;
  const changed = Object.entries(parsed.value).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(plain[name]),
  );
  return Object.fromEntries(changed);
}

const TABLE: readonly [says: string, argv: readonly string[], wanted: Partial<Arguments>][] = [
  ['three words are a report', THREE, {}],
  [
    'an address that looks like an option is a word',
    ['fail2ban', 'sshd', '-h'],
    { words: ['fail2ban', 'sshd', '-h'] },
  ],
  [
    'options end at the first word, also for one that is an option elsewhere',
    ['fail2ban', '--strict', '--help'],
    { words: ['fail2ban', '--strict', '--help'] },
  ],
  ['two dashes end the options', ['--', ...THREE], {}],
  ['after two dashes a word may begin with a dash', ['--', '-x', 'b', 'c'], { words: ['-x', 'b', 'c'] }],
  ['a second pair of dashes is a word', ['--', 'a', '--', 'c'], { words: ['a', '--', 'c'] }],
  ['an empty word is a word', ['', 'sshd', ''], { words: ['', 'sshd', ''] }],
  ['--duration takes seconds', ['--duration', '600', ...THREE], { durationSeconds: 600 }],
  ['--duration takes units', ['--duration', '6h', ...THREE], { durationSeconds: 21_600 }],
  ['--duration takes -1 for ever', ['--duration', '-1', ...THREE], { durationSeconds: -1 }],
  ['--duration=-1 is the same', ['--duration=-1', ...THREE], { durationSeconds: -1 }],
  [
    "--duration drops the fraction of fail2ban's bantime",
    ['--duration', '600.75', ...THREE],
    { durationSeconds: 600 },
  ],
  ['--port takes a name', ['--port', 'ssh', ...THREE], { details: { port: 'ssh' } }],
  ['--port takes a list', ['--port', 'http,https', ...THREE], { details: { port: 'http,https' } }],
  ['--port takes a range', ['--port', '0:65535', ...THREE], { details: { port: '0:65535' } }],
  ['an empty --port is none', ['--port', '', ...THREE], {}],
  ['a tag that fail2ban left as it is counts as none', ['--port', '<port>', ...THREE], {}],
  ['an empty --failures is none', ['--failures', '', ...THREE], {}],
  ['--failures takes a number', ['--failures', '5', ...THREE], { details: { failures: 5 } }],
  ['--protocol takes a name', ['--protocol', 'tcp', ...THREE], { details: { protocol: 'tcp' } }],
  ['an empty --protocol is none', ['--protocol=', ...THREE], {}],
  ['--timeout is in seconds', ['--timeout', '3s', ...THREE], { timeoutMs: 3000 }],
  ['--strict and -d are switches', ['--strict', '-d', ...THREE], { isStrict: true, isDebug: true }],
  ['--unban takes the same words', ['--unban', ...THREE], { action: 'unban' }],
  ['--stdin takes none', ['--stdin', '--strict'], { action: 'stdin', isStrict: true, words: [] }],
  ['--root and --config take paths', ['--root', '/a', '--config=/b', ...THREE], { root: '/a', config: '/b' }],
  ['-h alone asks for help', ['-h'], { action: 'help', words: [] }],
  ['--help wins over what stood before', ['--stdin', '--help'], { action: 'help', words: [] }],
  ['--version', ['--version'], { action: 'version', words: [] }],
  ['--check', ['--check', '--root', '/a'], { action: 'check', root: '/a', words: [] }],
];

for (const [says, argv, wanted] of TABLE) {
  test(`readArguments(): ${says}`, () => assert.deepEqual(read(argv), wanted));
}

/** What fail2ban may hand over as a bantime, and how long that is in seconds; undefined leaves it to the server. */
const BANTIMES: readonly [text: string, seconds: number | undefined][] = [
  ['', undefined],
  [' ', undefined],
  ['<bantime>', undefined],
  ['0', 1],
  ['-0', 1],
  ['-0.0', 1],
  ['0.4', 1],
  ['-1.0', -1],
  ['3155760000', -1],
  ['1e+30', -1],
  ['1.5e+03', 1500],
  ['inf', -1],
  ['Infinity', -1],
  ['9'.repeat(400), -1],
  ['100y', -1],
  ['1y', 31_557_600],
  ['1d 12h', 129_600],
  ['1h30m', 5400],
  ['2 months', 5_259_600],
];

for (const [text, seconds] of BANTIMES) {
  test(`readArguments() takes a bantime of ${JSON.stringify(text.slice(0, 20))} as ${seconds}`, () => {
    const wanted = seconds === undefined ? {} : { durationSeconds: seconds };
    assert.deepEqual(read([`--duration=${text}`, ...THREE]), wanted);
  });
}

const LEFT_OUT: readonly [argv: readonly string[], says: RegExp][] = [
  [['--duration', 'soon'], /--duration: "soon" is not a duration, so the server's default counts/],
  [['--duration', '-2'], /--duration/],
  [['--duration', 'nan'], /--duration/],
  [['--duration', '-inf'], /--duration/],
  [['--failures', '-1'], /--failures: "-1" is not a whole number/],
  [['--failures', '1e9'], /--failures/],
  [['--failures', 'many'], /--failures/],
  [['--failures', '9999999999'], /--failures: "9999999999" is not a whole number from 0 to 999999999/],
  [['--port', '99999'], /^--port: "99999" is not a port: the highest is 65535$/],
  [['--port', 'ssh,0:65536'], /^--port: "65536" is not a port/],
  [['--port', 'a;b'], /--port/],
  [['--port', '-p'], /--port/],
  [['--port', 'http, https'], /--port/],
  [['--port', '{80,443}'], /--port/],
  [['--port', '1,'.repeat(150)], /--port/],
  [['--protocol', 'TCP $(id)'], /--protocol/],
  [['--protocol', 'tcp, udp'], /--protocol/],
];

for (const [argv, says] of LEFT_OUT) {
  test(`readArguments() reports without ${JSON.stringify(argv).slice(0, 60)}, and says so`, () => {
    const parsed = read([...argv, ...THREE]);
    assert.ok(typeof parsed !== 'string');
    const { leftOut = [], ...rest } = parsed;
    assert.deepEqual(rest, {});
    assert.match(leftOut.join('\n'), says);
  });
}

const FAULTS: readonly [argv: readonly string[], fault: RegExp][] = [
  [[], /PROG JAIL IP are needed, 0 words/],
  [['fail2ban', 'sshd'], /2 words/],
  [[...THREE, 'more'], /4 words/],
  [['--bogus', ...THREE], /unknown option "--bogus"/],
  [['-x', ...THREE], /unknown option "-x"/],
  [['-', ...THREE], /unknown option "-"/],
  [['--strict=yes', ...THREE], /unknown option/],
  [['--__proto__', ...THREE], /unknown option/],
  [['--duration'], /--duration needs a value/],
  [['--timeout', '0', ...THREE], /from 1s to 60s/],
  [['--timeout', '-1', ...THREE], /from 1s to 60s/],
  [['--timeout', '61', ...THREE], /from 1s to 60s/],
  [['--stdin', 'fail2ban'], /no words are expected/],
  [['--unban', '--stdin'], /--unban and --stdin do not go together/],
  [['--stdin', '--unban', ...THREE], /--stdin and --unban do not go together/],
];

for (const [argv, fault] of FAULTS) {
  test(`readArguments() refuses ${JSON.stringify(argv)}`, () => {
    const said = read(argv);
    assert.ok(typeof said === 'string', JSON.stringify(said));
    assert.match(said, fault);
  });
}
