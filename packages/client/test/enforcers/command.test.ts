import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { changeOf } from '../../src/bans/ban-row.ts';
import { commandEnforcer } from '../../src/enforcers/command.ts';
import type { Enforcer } from '../../src/enforcers/enforcer.ts';
import { exec } from '../../src/host/exec.ts';
import { Notes } from '../../src/host/echo-notes.ts';
import { folder, ip, jail, NOW, rowOf } from '../make.ts';
import type { Change, Effect } from '../../src/bans/change.ts';

/** A host whose ban command is a shell script that gets `ban|unban JAIL IP` and sees the notes as they are when it runs. */
class Host implements Disposable {
  readonly #scratch = folder();
  readonly notesPath = join(this.#scratch.path, 'notes');
  readonly notes = new Notes(this.notesPath);
  readonly #script: string;
  readonly #timeoutMs: number;

  constructor(script: string, timeoutMs = 20_000) {
    this.#script = join(this.#scratch.path, 'command');
    this.#timeoutMs = timeoutMs;
    writeFileSync(this.#script, `#!/bin/sh\nnotes=$(ls '${this.notesPath}')\n${script}\n`, { mode: 0o755 });
  }

  async carryOut(change: Partial<Change> = {}, command = this.#script): Promise<Effect> {
    const enforcer = commandEnforcer(
      {
        ban: [command, 'ban', 'JAIL', 'SRCIP', 'SECONDS'],
        unban: [command, 'unban', 'JAIL', 'SRCIP'],
        missingJail: jail('banshare'),
      },
      this.notes,
      (words) => exec(words, this.#timeoutMs, () => performance.now()),
    );
    const [effect] = await enforcer.carryOut([{ ...changeOf(rowOf(), 'ban', NOW), ...change }]);
    return effect!;
  }

  /** Another command of this host. */
  script(text: string): string {
    writeFileSync(this.#script, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return this.#script;
  }

  /** What that command noted, a line for each time it ran. */
  get ran(): string[] {
    return readFileSync(`${this.#script}.ran`, 'utf8').trim().split('\n');
  }

  get noted(): string[] {
    return readdirSync(this.notesPath);
  }

  [Symbol.dispose](): void {
    this.#scratch[Symbol.dispose]();
  }
}

/** As fail2ban-client says it. */
const KNOWS_ONLY = (name: string): string =>
  `case $2 in ${name}) echo 1;; *) echo "NOK: ('$2',)" >&2; echo "Sorry but the jail '$2' does not exist" >&2; exit 255;; esac`;

test('A ban is noted before its command runs, and the note stays', async () => {
  using host = new Host('[ "$notes" = sshd@203.0.113.9 ] || exit 9; echo 1');
  assert.deepEqual(await host.carryOut(), { outcome: 'applied', localJail: 'sshd' });
  assert.deepEqual(host.noted, ['sshd@203.0.113.9']);
});

test('An unban leaves no note: it causes no report', async () => {
  using host = new Host('echo 1');
  assert.deepEqual(await host.carryOut({ kind: 'unban' }), { outcome: 'applied', localJail: 'sshd' });
  assert.deepEqual(host.noted, []);
});

for (const [said, outcome] of [
  ['0', 'already'],
  [' 0 ', 'already'],
  ['1', 'applied'],
  ['00', 'applied'],
  ['0 banned', 'applied'],
  ['', 'applied'],
] as const) {
  test(`A ban command that prints ${JSON.stringify(said)} means ${outcome}`, async () => {
    using host = new Host(`printf '%s\\n' '${said}'`);
    assert.equal((await host.carryOut()).outcome, outcome);
  });
}

test('A 0 on stderr says nothing, and an unban that finds nothing is an unban', async () => {
  using host = new Host('echo 0 >&2; [ "$1" = ban ] || echo 0');
  assert.equal((await host.carryOut()).outcome, 'applied');
  assert.notEqual((await host.carryOut({ kind: 'unban' })).outcome, 'failed');
});

test('What was in place before leaves no note, so that the next report of it is heard', async () => {
  using host = new Host('echo 0');
  await host.carryOut();
  assert.deepEqual(host.noted, []);
});

test('What was in place before keeps the note of an earlier command, whose echo may still come', async () => {
  using host = new Host('echo 0');
  host.notes.write('sshd', '203.0.113.9');
  await host.carryOut();
  assert.deepEqual(host.noted, ['sshd@203.0.113.9']);
});

test('Of what fail2ban-client says when it fails the reason has the words, and not the time and process before them', async () => {
  const head = '2026-11-27 06:37:15,401 fail2ban                [204]: ERROR   ';
  using host = new Host(
    `echo '${head}Failed to access socket path: /run/x. Is fail2ban running?' >&2; exit 255`,
  );
  const effect = await host.carryOut();
  assert.match(
    'reason' in effect ? effect.reason : '',
    /^exit 255 after \d+ ms: ERROR   Failed to access socket path: \/run\/x\. Is fail2ban running\?$/,
  );
});

test('Where the jail is missing the command runs once more with missing-jail, and the note moves', async () => {
  using host = new Host(`echo "$notes" > "$0.$2"; ${KNOWS_ONLY('banshare')}`);
  assert.deepEqual(await host.carryOut(), { outcome: 'applied', localJail: 'banshare' });
  assert.deepEqual(host.noted, ['banshare@203.0.113.9']);
});

test('Where missing-jail is missing too, it fails after the second try and leaves no note', async () => {
  using host = new Host(
    `echo x >> "$0.tries"; [ $(wc -l < "$0.tries") -le 2 ] || exit 9; ${KNOWS_ONLY('none')}`,
  );
  const effect = await host.carryOut();
  assert.equal(effect.localJail, 'banshare');
  assert.match(
    'reason' in effect ? effect.reason : '',
    /^exit 255 after \d+ ms: NOK.*'banshare' does not exist/s,
  );
  assert.deepEqual(host.noted, []);
});

test('A ban whose jail is missing-jail already is not tried twice', async () => {
  using host = new Host(`[ -e "$0.ran" ] && exit 9; touch "$0.ran"; ${KNOWS_ONLY('none')}`);
  const effect = await host.carryOut({ localJail: jail('banshare') });
  assert.match('reason' in effect ? effect.reason : '', /^exit 255/);
});

test('An exception of fail2ban by its name means a missing jail as well, but not beside exit 0', async () => {
  using host = new Host(`[ "$2" = banshare ] && exit 0; echo "UnknownJailException('$2')"; exit 255`);
  assert.equal((await host.carryOut()).localJail, 'banshare');
  using calm = new Host(`echo "jail 'x' does not exist" >&2`);
  assert.equal((await calm.carryOut()).localJail, 'sshd');
});

test('A failure tells exit code, duration and what was said, at most 300 characters of it', async () => {
  using host = new Host('echo "no socket" >&2; exit 7');
  const effect = await host.carryOut();
  assert.equal(effect.outcome, 'failed');
  assert.match('reason' in effect ? effect.reason : '', /^exit 7 after \d+ ms: no socket$/);
  using chatty = new Host('head -c 5000 /dev/zero | tr "\\0" x; exit 7');
  const long = await chatty.carryOut();
  assert.match('reason' in long ? long.reason : '', /^exit 7 after \d+ ms: x{300}$/);
});

test('A failure tells that the command ran too long, or could not run', async () => {
  using slow = new Host('sleep 600', 200);
  const late = await slow.carryOut();
  assert.match('reason' in late ? late.reason : '', /^it ran too long after \d+ ms$/);
  // What it was killed over may be done all the same, and is then ours to lift.
  assert.equal('isBegun' in late && late.isBegun, true);
  const none = await slow.carryOut({}, '/nonexistent');
  assert.equal('isBegun' in none, false);
  assert.match('reason' in none ? none.reason : '', /^it could not run after \d+ ms: there is no program/);
});

test('A note that cannot be written is a failure, and the command does not run', async () => {
  using host = new Host('touch "$0.ran"');
  const effect = await host.carryOut({ localJail: jail('a/b') });
  assert.match('reason' in effect ? effect.reason : '', /ENOENT/);
});

test('Words that hold NUL are a failure, not the end of the daemon', async () => {
  using host = new Host('exit 0');
  const effect = await host.carryOut({ ip: ip('203.0.113.9'), prog: rowOf().prog }, '/bin/true\0');
  assert.equal(effect.outcome, 'failed');
});

test('The seconds of a ban are what is left of it, rounded up, at least 1, and -1 for ever', () => {
  const seconds = (until: number | null): number => changeOf(rowOf({ until }), 'ban', NOW).seconds;
  assert.deepEqual([NOW + 59.2, NOW + 1, NOW, NOW - 100, null].map(seconds), [60, 1, 1, 1, -1]);
});

/** A command that takes several addresses; it notes its words and prints what the test wants. */
function manyEnforcer(host: Host, script: string, words: readonly string[] = ['SRCIPS']): Enforcer {
  const command = host.script(script);
  const commands = {
    ban: [command, 'JAIL', ...words],
    unban: [command, 'un', 'SRCIPS'],
    missingJail: jail('banshare'),
  };
  return commandEnforcer(commands, host.notes, (run) => exec(run, 20_000, () => performance.now()));
}

const several = (...of: Partial<Change>[]): Change[] =>
  of.map((each, index) => ({
    ...changeOf(rowOf({ ip: ip(`203.0.113.${index + 1}`) }), 'ban', NOW),
    ...each,
  }));

for (const [said, outcome] of [
  ['3', 'applied'],
  ['0', 'already'],
  // It does not tell which: none is called ours.
  ['2', 'already'],
  ['ok', 'applied'],
] as const) {
  test(`SRCIPS is several addresses in one call; of three, "${said}" means ${outcome}`, async () => {
    using host = new Host('exit 9');
    const enforcer = manyEnforcer(host, `echo "$@" >> "$0.ran"; echo ${said}`);
    assert.equal(enforcer.mostAtOnce, 25);
    const effects = await enforcer.carryOut(several({}, {}, {}));
    assert.deepEqual(
      effects.map((each) => each.outcome),
      [outcome, outcome, outcome],
    );
    assert.deepEqual(host.ran, ['sshd 203.0.113.1 203.0.113.2 203.0.113.3']);
  });
}

test('SRCIPS keeps jails, kinds and seconds apart, and a missing jail leads all of them to missing-jail', async () => {
  using host = new Host('exit 9');
  const enforcer = manyEnforcer(
    host,
    `echo "$@" >> "$0.ran"; [ "$1" != web ] || { echo "UnknownJailException('web')"; exit 255; }; echo 1`,
    ['SRCIPS', 'SECONDS'],
  );
  const web = { localJail: jail('web') };
  const effects = await enforcer.carryOut(several(web, {}, { seconds: 60 }, { kind: 'unban' }, web));
  assert.deepEqual(
    effects.map((each) => each.localJail),
    ['banshare', 'sshd', 'sshd', 'sshd', 'banshare'],
  );
  assert.deepEqual(host.ran, [
    'web 203.0.113.1 203.0.113.5 3600',
    'banshare 203.0.113.1 203.0.113.5 3600',
    'sshd 203.0.113.2 3600',
    'sshd 203.0.113.3 60',
    'un 203.0.113.4',
  ]);
});
