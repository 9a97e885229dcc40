import { test } from 'node:test';
import assert from 'node:assert/strict';
import { flagFault, usageFault, type CommandWords } from '../../src/people/usage.ts';

const FLAGS = new Set(['json', 'help', 'approve', 'dry-run']);

const command = (
  usage: string,
  options: readonly string[] = [],
  inner: readonly CommandWords[] = [],
): CommandWords => ({ usage, options, flags: options.filter((name) => FLAGS.has(name)), inner });

const ALL = command(
  'banshare-server',
  ['json', 'root', 'help'],
  [
    command('status'),
    command('undo', ['all', 'dry-run', 'since']),
    command('unban <ip..>', ['jail', 'reason']),
    command('freeze', ['for', 'reason']),
    command('hosts', [], [command('hosts approve [name]', ['approve']), command('hosts revoke [name]')]),
    command('never-ban', [], [command('never-ban list'), command('never-ban add <range>', ['for'])]),
    command('token', [], [command('token list')]),
    command('ledger', [], [command('ledger join <file>'), command('ledger leave')]),
    command('web', [], [command('web link', ['as'])]),
  ],
);
const TOO_FEW = 'Not enough non-option arguments: got 0, need at least 1';

for (const [line, message, says] of [
  [
    'statsu',
    'Unknown argument: statsu',
    'there is no statsu here: did you mean status?; see banshare-server --help',
  ],
  [
    'nver-ban',
    'Unknown command: nver-ban',
    'there is no nver-ban here: did you mean never-ban?; see banshare-server --help',
  ],
  [
    '--jsn',
    'Unknown argument: jsn',
    'there is no jsn here: did you mean --json?; see banshare-server --help',
  ],
  [
    'hosts aprove web1',
    'Unknown arguments: aprove, web1',
    'there is no aprove, web1 here: did you mean approve?; see banshare-server hosts --help',
  ],
  [
    'ledger jion FILE',
    'Unknown arguments: jion, FILE',
    'there is no jion, FILE here: did you mean join?; see banshare-server ledger --help',
  ],
  [
    'never-ban ad 192.0.2.1',
    'Unknown arguments: ad, 192.0.2.1',
    'there is no ad, 192.0.2.1 here: did you mean add?; see banshare-server never-ban --help',
  ],
  [
    'never-ban 192.0.2.1',
    'Unknown argument: 192.0.2.1',
    'there is no 192.0.2.1 here: never-ban takes list, add; see banshare-server never-ban --help',
  ],
  [
    'never-ban add 192.0.2.1 --fro 1h',
    'Unknown argument: fro',
    'there is no fro here: did you mean --for?; see banshare-server never-ban add --help',
  ],
  [
    'approve web1',
    'Unknown arguments: approve, web1',
    'there is no approve, web1 here: did you mean hosts approve?; see banshare-server --help',
  ],
  [
    'list',
    'Unknown argument: list',
    'there is no list here: did you mean never-ban list?; see banshare-server --help',
  ],
  [
    'freeze 30m',
    'Unknown argument: 30m',
    'there is no 30m here: did you mean --for 30m?; see banshare-server freeze --help',
  ],
  [
    'unban -jail sshd 192.0.2.1',
    'Unknown arguments: j, a, i, l',
    '-jail takes two dashes: --jail; see banshare-server unban --help',
  ],
  ['frobnicate', 'Unknown argument: frobnicate', 'there is no frobnicate here; see banshare-server --help'],
  ['unban', TOO_FEW, 'something is missing: unban <ip..>; see banshare-server unban --help'],
  [
    '--json never-ban add',
    TOO_FEW,
    'something is missing: never-ban add <range>; see banshare-server never-ban add --help',
  ],
  [
    'freeze --for',
    'Not enough arguments following: for',
    '--for needs a value behind it; see banshare-server freeze --help',
  ],
  ['web link', 'Missing required argument: as', 'web link needs --as; see banshare-server web link --help'],
  [
    'held publsh',
    'Invalid values:\n  Argument: action, Given: "publsh", Choices: "publish", "discard"',
    '"publsh" is none of publish, discard: did you mean publish?; see banshare-server --help',
  ],
  ['status', 'Some other fault', 'Some other fault; see banshare-server status --help'],
] as const) {
  test(`usageFault() says of "${line}": ${says}`, () => {
    assert.equal(usageFault(message, line.split(' '), ALL), says);
  });
}

for (const [line, isFault] of [
  ['undo --dry-run=yes', true],
  ['undo --dryRun=1', true],
  ['undo --since=1h --dry-run=', true],
  ['undo --no-dry-run=x', true],
  ['--json=no status', true],
  ['hosts approve --approve=y', true],
  ['undo --dry-run', false],
  ['undo --dry-run=true', false],
  ['undo --dry-run=false --since=1h', false],
  ['freeze --for=30m', false],
  ['freeze --reason=--dry-run=yes', false],
] as const) {
  test(`flagFault() ${isFault ? 'refuses' : 'has nothing against'} "${line}"`, () => {
    const fault = flagFault(line.split(' '), ALL);
    if (isFault) assert.match(fault ?? '', /^--(dry-run|json|approve|no-dry-run) takes no value: /);
    else assert.equal(fault, undefined);
  });
}
