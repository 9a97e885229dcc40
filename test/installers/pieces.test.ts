import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { oneLine } from '@banshare/protocol';
import { run } from './fresh-build.ts';
import { SHELLS, type Shell } from './install-below.ts';

const PIECES = join(import.meta.dirname, '../../installers');
const folder = mkdtempSync(join(tmpdir(), 'banshare-pieces-'));
after(() => {
  rmSync(folder, { recursive: true });
});

/** Every letter, those that steer or hide something apart. */
const all = Array.from({ length: 0x11_0000 }, (_, code) => code)
  .filter((code) => code !== 9 && code !== 10 && code !== 0 && (code < 0xd8_00 || code > 0xdf_ff))
  .map((code) => String.fromCodePoint(code));
const odd = all.filter((letter) => oneLine(letter) !== letter);
const letters = all.slice(0, 0x30_00).filter((letter) => oneLine(letter) === letter);

for (const [command, ...words] of SHELLS) {
  test(`under ${command}, shared-ban knows what banshare has banned in the last 10 minutes, and nothing else`, () => {
    const notes = join(folder, command);
    mkdirSync(notes);
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
    for (const [name, minutes] of [
      ['sshd@203.0.113.9', 1],
      ['sshd@2001:db8::9', 9],
      ['sshd@203.0.113.10', 11],
    ] as const) {
      writeFileSync(join(notes, name), '');
      utimesSync(join(notes, name), minutesAgo(minutes), minutesAgo(minutes));
    }
    const asks = (...ips: string[]) =>
      run(command, [...words, join(PIECES, 'shared-ban'), ...ips], { BANSHARE_NOTES: notes }).code;
    assert.equal(asks('203.0.113.9'), 0);
    assert.equal(asks('2001:db8::9'), 0);
    // A client of before kept nothing but notes: then a time tells nothing.
    const timed = ['203.0.113.9', String(Math.floor(Date.now() / 1000))];
    const nowhere = { BANSHARE_NOTES: notes, BANSHARE_SHARED: join(folder, 'nowhere') };
    assert.equal(run(command, [...words, join(PIECES, 'shared-ban'), ...timed], nowhere).code, 0);
    for (const other of [
      '203.0.113.10',
      '203.0.113.11',
      '3.0.113.9',
      '',
      '*',
      '203.0.113.?',
      '../x',
      '-delete',
    ])
      assert.equal(asks(other), 1, other);
    assert.equal(asks(), 1);
  });

  test(`under ${command}, an installer's words leave out what oneLine() makes visible, and what is no text, and keep every letter`, () => {
    const lines = [...odd.map((letter) => `ä${letter}ß`), letters.join('')];
    const bytes = Buffer.from('x\x9b2J ß\x9b1m \xff\xc2\x1b\x9b7 \x85z\n'.replace('ß', '\xc3\x9f'), 'latin1');
    const said = spawnSync(command, [...words, '-c', '. "$1"; cleaned', 'sh', join(PIECES, 'setup/say.sh')], {
      input: Buffer.concat([Buffer.from(`${lines.join('\n')}\n`), bytes]),
      encoding: 'utf8',
    });
    assert.equal(said.stderr, '');
    assert.deepEqual(said.stdout.split('\n'), [...odd.map(() => 'äß'), letters.join(''), 'x2J ß1m 7 z', '']);
  });

  test(`under ${command}, hand-to-sendmail gives sendmail the mail and nothing else, and says in one line how that ended`, () => {
    const sendmail = join(folder, `sendmail-${command}`);
    const hand = (body: string, mode = 0o755): string => {
      rmSync(sendmail, { force: true });
      writeFileSync(sendmail, `#!/bin/sh\n${body}\n`, { mode });
      const { stdout, status } = spawnSync(command, [...words, join(PIECES, 'hand-to-sendmail')], {
        input: 'To: ops\n\nx\n',
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], BANSHARE_SENDMAIL: sendmail, TMPDIR: folder },
      });
      assert.equal(status, 0);
      return stdout;
    };
    assert.equal(hand(`echo "$@" >${folder}/given; cat >>${folder}/given; echo fine`), '0 \n');
    assert.equal(readFileSync(join(folder, 'given'), 'utf8'), '-i -t\nTo: ops\n\nx\n');
    assert.equal(hand("printf 'no\\nroom\\n' >&2; exit 75"), '75 no room \n');
    assert.match(hand('', 0o600), /^127 there is no program "\S+sendmail-\S+" \n$/);
    // Who delivers in the background keeps its output open; standard output is sendmail's no more.
    assert.equal(hand('sleep 60 & echo $! >${0%/*}/left'), '0 \n');
    process.kill(Number(readFileSync(join(folder, 'left'), 'utf8')));
  });

  test(`under ${command}, shared-ban knows a ban of days ago by the time of its line, and not what was found here after`, () => {
    const shared = join(folder, `${command}-shared`);
    mkdirSync(shared);
    writeFileSync(join(shared, '2026-11-20'), '1795000000 sshd 203.0.113.9\n1795000100 web 2001:db8::9\n');
    writeFileSync(join(shared, '2026-11-26'), '1795500000 sshd 203.0.113.9\n');
    const asks = (...words_: string[]) =>
      run(command, [...words, join(PIECES, 'shared-ban'), ...words_], { BANSHARE_SHARED: shared }).code;
    for (const [ip, time, code] of [
      ['203.0.113.9', '1795000000.0', 0],
      ['203.0.113.9', '1795000015', 0],
      ['203.0.113.9', '1795500001.25', 0],
      ['2001:db8::9', '1795000100', 0],
      ['203.0.113.9', '1795000016', 1],
      ['203.0.113.9', '1794999000', 1],
      ['203.0.113.90', '1795000000', 1],
      ['203.0.113.9', '<time>', 1],
    ] as const)
      assert.equal(asks(ip, time), code, `${ip} ${time}`);
  });
}

const noFail2ban =
  run('sh', ['-c', 'command -v fail2ban-client']).code === 0
    ? false
    : 'fail2ban is not installed (Debian package: fail2ban)';

/** fail2ban's own reading of the machine's configuration with banshare's pieces and a jail.local. */
/** What a file system has after a script that uses the pieces that change files, and what the script said. */
function changed([command, ...words]: Shell, name: string, script: string): string {
  const root = join(folder, `${command} $many * ${name}`);
  for (const each of ['etc/a', 'etc/b', 'etc/c']) mkdirSync(join(root, each), { recursive: true });
  writeFileSync(join(root, 'etc/a/one'), 'old');
  writeFileSync(join(root, 'etc/b/two'), 'old');
  symlinkSync('../b/two', join(root, 'etc/a/link'));
  const begin = `set -eu; umask 077; root=$1; live=no
    for piece in say files compare swap stage; do . '${PIECES}'/setup/$piece.sh; done
    open_stage; mkdir "$stage/new"
    for file in one two link three; do echo new >"$stage/new/$file"; done
    begin set
    plan() {
      put 0644 root:root one /etc/a/one; put 0644 root:root link /etc/a/link; put 0644 root:root two /etc/b/two
      put 0644 root:root three /etc/c/three
    }
    ${script}`;
  const { err } = run(command, [...words, '-c', begin, 'sh', root]);
  const found = readdirSync(join(root, 'etc'), { recursive: true, withFileTypes: true }).map((each) => {
    const path = join(each.parentPath, each.name);
    if (each.isDirectory()) return each.name.startsWith('.') ? path : '';
    return `${path}=${each.isSymbolicLink() ? readlinkSync(path) : readFileSync(path, 'utf8').trim()}`;
  });
  return `${found.toSorted().join(' ').trim()}; ${err}`.replaceAll(`${root}/etc/`, '');
}

for (const shell of SHELLS) {
  const before = 'a/link=../b/two a/one=old b/two=old; ';

  test(`under ${shell[0]} a file that cannot be taken away is no file that was not there`, () => {
    const said = changed(shell, 'fails', 'mv() { return 1; }; take_away /etc/a/one');
    assert.equal(said, `${before}Cannot remove a/one\n`);
    assert.equal(changed(shell, 'told', 'take_away /etc/a/one; take_away /etc/a/link; exit 1'), before);
  });

  test(`under ${shell[0]} what is undone is not undone again by a signal in between, and what is new goes`, () => {
    const script = `plan; swap; [ -f "$root/etc/c/three" ] || echo lacks it >&2
      mv() { command mv "$@"; unset -f mv; kill -TERM $$; }; undo set`;
    assert.equal(changed(shell, 'signal', script), before);
  });

  test(`under ${shell[0]} a link that leads beside its folder is as it was, whether it was replaced or not`, () => {
    assert.equal(changed(shell, 'kept', 'plan; replace() { exit 1; }; swap'), before);
    assert.equal(changed(shell, 'replaced', 'plan; swap; exit 1'), before);
    assert.equal(
      changed(shell, 'settled', 'plan; swap; settle set'),
      'a/link=new a/one=new b/two=new c/three=new; ',
    );
  });

  test(`under ${shell[0]} nothing stays beside the files where not even the step can be noted`, () => {
    const full = 'echo() { [ "$1" != keeping ] && printf "%s\\n" "$1"; }';
    assert.equal(changed(shell, 'full', `${full}; plan; swap`), before);
  });
}

function dump(jailLocal: string): string {
  const config = mkdtempSync(join(folder, 'fail2ban-'));
  cpSync('/etc/fail2ban', config, { recursive: true });
  rmSync(join(config, 'jail.d'), { recursive: true });
  for (const piece of ['action.d', 'filter.d', 'jail.d'])
    cpSync(join(PIECES, 'fail2ban', piece), join(config, piece), { recursive: true });
  writeFileSync(join(config, 'jail.local'), `[DEFAULT]\nbackend = polling\n${jailLocal}`);
  const tested = run('fail2ban-client', ['-c', config, '-t']);
  assert.equal(tested.code, 0, tested.out + tested.err);
  return run('fail2ban-client', ['-c', config, '-d']).out;
}

test(
  'the jail banshare reads no log, acts on the firewall only and never reports',
  { skip: noFail2ban },
  () => {
    const all = dump('action = %(action_)s\n         banshare\n');
    assert.match(all, /\['add', 'banshare', 'polling'\]/);
    assert.deepEqual(
      [...all.matchAll(/\['set', 'banshare', 'add(\w+)', '([^']*)'/g)].map(
        ([, what, name]) => `${what} ${name}`,
      ),
      ['logpath /dev/null', 'action iptables-allports'],
    );
    assert.match(all, /\['set', 'banshare', 'bantime', '30d'\]/);
  },
);

test(
  'the piece for recidive does not switch it on, is there when an administrator does, and asks his own ignorecommand too',
  { skip: noFail2ban },
  () => {
    assert.doesNotMatch(dump(''), /\['add', 'recidive'/);
    writeFileSync(join(folder, 'fail2ban.log'), '');
    const chained = dump(
      `[DEFAULT]\nignorecommand = /usr/bin/friends <ip>\n[recidive]\nenabled = true\nlogpath = ${folder}/fail2ban.log\n`,
    );
    assert.match(
      chained,
      /'recidive', 'ignorecommand', '\/usr\/lib\/banshare\/shared-ban "<ip>" "<time>" \|\| \(false; \/usr\/bin\/friends <ip>\)'\]/,
    );
    const on = dump(`[recidive]\nenabled = true\nlogpath = ${folder}/fail2ban.log\n`);
    assert.match(
      on,
      /\['set', 'recidive', 'ignorecommand', '\/usr\/lib\/banshare\/shared-ban "<ip>" "<time>" \|\| \(false; \)'\]/,
    );
  },
);

test(
  'the action passes what fail2ban knows, in double quotes, and leaves restored bans and unbans alone',
  { skip: noFail2ban },
  () => {
    writeFileSync(join(folder, 'auth.log'), '');
    const jail = `[sshd]\nenabled = true\nlogpath = ${folder}/auth.log\naction = banshare[port="%(port)s", protocol="%(protocol)s"]\n`;
    const action = dump(jail)
      .split('\n')
      .find((line) => line.includes("'sshd', 'action', 'banshare'"));
    assert.ok(action !== undefined);
    assert.match(
      action,
      /banshare-report --duration="<bantime>" --failures="<failures>" --port="ssh" --protocol="tcp" fail2ban "sshd" "<ip>"/,
    );
    assert.match(action, /\['norestored', (True|'1')\]/);
    assert.match(action, /\['actionunban', ''\]/);
    assert.match(action, /\['timeout', '10'\]/);
  },
);

test("psad's lines come with the advice on forged senders", () => {
  const text = readFileSync(join(PIECES, 'psad/psad.conf'), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.deepEqual(
    lines.map((line) => line.replace(/ {2,}/g, ' ')),
    [
      'ENABLE_EXT_BLOCK_SCRIPT_EXEC Y;',
      'EXTERNAL_BLOCK_SCRIPT /usr/bin/banshare-report psad portscan SRCIP;',
    ],
  );
  assert.match(text, /forged/);
});

test('no piece of an installer sets what the head of the script says: the last line named the version of systemd for its own', () => {
  const head = [
    'role',
    'version',
    'generation',
    'server',
    'servers',
    'report_port',
    'publish_port',
    'unpacked_kb',
    'runtimes',
    'parts',
  ];
  const set = new RegExp(`^\\s*(?:.*[;{|&] *)?(?:${head.join('|')}|program_\\w+)=`, 'm');
  for (const name of globSync('setup/*.sh', { cwd: PIECES }))
    assert.doesNotMatch(readFileSync(join(PIECES, name), 'utf8'), set, name);
});
