import assert from 'node:assert/strict';
import { copyFileSync, globSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { FreshBuild } from '../installers/fresh-build.ts';
import { PATIENCE_MS, untilTrue } from '../lab/ground/deadline.ts';
import { startLab } from '../lab/ground/lab.ts';
import { Machine } from './machine.ts';
import { DEBIAN_13, rootOf, whyNoSystems } from './roots.ts';

// What README.md has a newcomer type, typed as it stands there on two whole Debian 13, each with its own systemd and fail2ban.
const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
const START = README.slice(README.indexOf('\n## Two real hosts in five minutes\n')).split('\n## ')[1] ?? '';
const skip = whyNoSystems();
const fresh = new FreshBuild();
const took: string[] = [];
before(async () => {
  if (skip !== false) return;
  await timed('make regen', () => Promise.resolve(fresh.everything('--server=bans.example.org')));
  await timed('make packages generation-file', () => {
    const generation = fresh.path('keys.generation');
    for (const made of [fresh.packages('--kinds=deb'), fresh.generationFile(generation)])
      assert.equal(made.code, 0, made.err);
    return Promise.resolve();
  });
});
after(() => fresh[Symbol.dispose]());

test(
  'README leads two Debian 13 from nothing to bans of each other by packages and a token, also after a cable was out, with just what stands there',
  { skip, timeout: 600_000 },
  async (context) => {
    const root = await rootOf(DEBIAN_13);
    await using lab = await startLab({ hosts: ['a', 'b'], roots: { a: root, b: root } });
    await using a = await Machine.boot(lab.host('a'));
    await using b = await Machine.boot(lab.host('b'));
    for (const machine of [a, b]) {
      await machine.host.append('/etc/hosts', `${a.host.addresses.ipv4} bans.example.org\n`);
      await machine.watch(false);
    }
    const roles = { a: ['runtime', 'common', 'client', 'server'], b: ['runtime', 'common', 'client'] };
    for (const machine of [a, b])
      bring(
        machine,
        roles[machine.host.name as 'a'].flatMap((role) =>
          globSync(join(fresh.dist, `banshare-${role}_*.deb`)),
        ),
      );
    bring(a, [fresh.path('keys.generation')]);

    await timed('on A: server and token', () => type(a, blockBehind('On A, as root')));
    const [install = '', copy = '', ...none] = blockBehind('On B, as root').split('\n');
    assert.deepEqual([copy, none], ['scp root@bans.example.org:token .', []]);
    const said = await timed('on B: packages', () => type(b, install));
    assert.match(said, /Still to do:[^]*in no fleet yet[^]*banshare-client join --file/);
    copyFileSync(a.host.outside('/root/token'), b.host.outside('/root/token'));
    const join_ = blockBehind('On A and on B, as root');
    await timed('joining', () => Promise.all([a, b].map((machine) => type(machine, join_))));
    // Which ends with that section, as it was.
    const jail = blockBehind('`/etc/fail2ban/jail.local`').replace(/^\[sshd\]\n/, '');
    for (const machine of [a, b]) await machine.host.append('/etc/fail2ban/jail.local', `${jail}\n`);
    const statuses = await timed('the jails report', () =>
      Promise.all([a, b].map((machine) => type(machine, blockBehind('since a plain reload')))),
    );
    for (const status of statuses) assert.doesNotMatch(status, /^ {2}! /m);

    await timed('judging it, with the cable out for a moment', () => judge(a, b));
    for (const line of [...took, `load ${loadavg()[0]?.toFixed(1)}`]) context.diagnostic(line);
  },
);

/** Types the rows of README's table, and sees that each does what stands there. */
async function judge(a: Machine, b: Machine): Promise<void> {
  const banned = (machine: Machine, ip: string, isBanned: boolean): Promise<void> =>
    untilTrue(PATIENCE_MS, `${ip} ${isBanned ? 'on' : 'gone from'} ${machine.host.name}`, async () => {
      const said = await machine.output('fail2ban-client', 'get', 'sshd', 'banip');
      return said.split(/\s+/).includes(ip) === isBanned;
    });
  const drilled = await type(a, row(1));
  for (const { host } of [a, b]) assert.match(drilled, new RegExp(`^${host.name} +\\d+ ms +applied`, 'm'));
  assert.equal((await type(a, row(2))).trim(), '1');
  await banned(b, '203.0.113.9', true);
  assert.equal((await type(b, row(3))).trim(), '203.0.113.9');
  assert.match(await type(a, row(4)), /^Lifted: 203\.0\.113\.9/);
  for (const machine of [a, b]) await banned(machine, '203.0.113.9', false);

  await b.output('ip', 'link', 'set', 'eth0', 'down');
  assert.equal((await type(a, row(6))).trim(), '1');
  await untilTrue(PATIENCE_MS, 'status to name B as behind', async () => {
    const { code, stdout } = await a.run('banshare-server', 'status');
    return code === 1 && /\bb is 1 behind/.test(stdout);
  });
  assert.equal((await type(b, row(7))).trim(), '1');
  assert.match(await b.output('ls', '/var/spool/banshare'), /\.json$/m);
  await b.output('ip', 'link', 'set', 'eth0', 'up');
  await banned(b, '203.0.113.10', true);
  await banned(a, '203.0.113.11', true);
  const whole = /a reported fail2ban\/sshd: accepted[^]*\n +b: applied/;
  await untilTrue(PATIENCE_MS, 'what both hosts did', async () => whole.test(await type(a, row(9))));
}

/** The lines of the first block that stands behind some words of README's section. */
function blockBehind(words: string): string {
  const [, rest = ''] = START.split(words);
  const [, block = ''] = /\n\n((?: {4}.*\n)+)/.exec(rest) ?? [];
  assert.notEqual(block, '', words);
  return block.replaceAll(/^ {4}/gm, '').trim();
}

/** What a row of README's table says to type. */
function row(number: number): string {
  const [, typed] = new RegExp(`^\\| ${number} \\| [AB] \\| \`([^\`]+)\``, 'm').exec(START) ?? [];
  assert.ok(typed !== undefined, `row ${number}`);
  return typed;
}

function type(machine: Machine, text: string): Promise<string> {
  return machine.output('sh', '-ec', `cd /root\n${text}`);
}

function bring({ host }: Machine, files: readonly string[]): void {
  for (const file of files) copyFileSync(file, host.outside(`/root/${basename(file)}`));
}

async function timed<T>(what: string, run: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await run();
  took.push(`${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return result;
}
