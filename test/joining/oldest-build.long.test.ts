import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { formatToken } from '@banshare/runtime';
import { makeCurvePair } from '@banshare/transport';
import {
  Fleet,
  Folder,
  makeFleetKeys,
  Program,
  runProgram,
  startFleet,
  untilAnswered,
  type FleetHost,
  type Ran,
} from '../fleet/index.ts';

// The promise of README.md: a server serves clients that are two minor versions or twelve months old. What stands for them here is the
// first version that was handed out, run from its own sources, as git has them.
const ROOT = join(import.meta.dirname, '../..');
const OLDEST = 'a022c5e6d4e8';
const LACKING = whyLacking();

function whyLacking(): string | false {
  const found = spawnSync('git', ['cat-file', '-e', `${OLDEST}^{commit}`], { cwd: ROOT });
  if (found.status === 0) return false;
  return `SKIPPED: the commit ${OLDEST} is not here; a clone with all of the history has it (git fetch --unshallow)`;
}

type Listed = { hosts: { name: string; state: string; lag: number }[] };

/** Lays the packages of that version beside the dependencies of this one, which are the same; returns where each program begins. */
function layOldest(folder: string): (name: 'client' | 'report' | 'server') => string {
  const archive = execFileSync('git', ['archive', OLDEST, 'packages', 'package.json', 'tsconfig.base.json'], {
    cwd: ROOT,
    maxBuffer: 64 * 1024 * 1024,
  });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  const [ours, modules] = [join(ROOT, 'node_modules'), join(folder, 'node_modules')];
  mkdirSync(join(modules, '@banshare'), { recursive: true });
  for (const name of readdirSync(ours).filter((each) => each !== '@banshare' && !each.startsWith('.')))
    symlinkSync(join(ours, name), join(modules, name));
  for (const name of readdirSync(join(folder, 'packages')))
    symlinkSync(join(folder, 'packages', name), join(modules, '@banshare', name));
  return (name) => join(folder, 'packages', name, 'src/main.ts');
}

async function keyOf(host: FleetHost): Promise<string> {
  const { code, stdout, stderr } = await host.command('key');
  assert.equal(code, 0, stderr);
  return stdout;
}

test(
  'Bans go both ways between a host of the oldest version that was handed out and one of today',
  { skip: LACKING },
  async () => {
    using folder = new Folder();
    const oldest = layOldest(folder.path);
    await using fleet = await startFleet({ hosts: ['new-1'] });
    await fleet.server.says('enrolment', 'approve');
    const [today, old] = [fleet.host('new-1'), fleet.layHost('old-1')];
    const main = oldest('client');
    old.launch({ main });
    // It brings no proof that it has the join key, which versions since ask for.
    assert.match(await old.line(/Cannot enrol/), /does not prove that it has the join key/);
    const admitted = await runProgram('server', ['hosts', 'admit', '-', '--root', fleet.server.root], {
      stdin: await keyOf(old),
    });
    assert.equal(admitted.code, 0, admitted.stderr);
    await old.line(/^banshare-client ready name=old-1 /);

    assert.equal((await fleet.report('new-1', ['fail2ban', 'sshd', '203.0.113.5'])).code, 0);
    assert.deepEqual(await old.commands.next(), ['set', 'sshd', 'banip', '203.0.113.5']);
    const reporter = new Program('report', ['--root', old.root, 'fail2ban', 'sshd', '203.0.113.6'], {
      main: oldest('report'),
    });
    assert.equal(await reporter.ended, 0);
    assert.deepEqual(await today.commands.next(), ['set', 'sshd', 'banip', '203.0.113.6']);
    await fleet.server.says('unban', '203.0.113.6');
    assert.deepEqual(await today.commands.next(), ['set', 'sshd', 'unbanip', '203.0.113.6']);
    // On the host whose own fail2ban found it, too.
    assert.deepEqual(await old.commands.next(), ['set', 'sshd', 'unbanip', '203.0.113.6']);
    await fleet.server.says('unban', '203.0.113.5');
    assert.deepEqual(await old.commands.next(), ['set', 'sshd', 'unbanip', '203.0.113.5']);

    // What came while it was away it makes up for.
    await old.stop();
    await fleet.server.says('ban', '203.0.113.7', '--for', '1h');
    await old.start({ main });
    assert.deepEqual((await old.commands.next()).slice(-1), ['203.0.113.7']);
    // Each says a moment later how far it is.
    const areInStep = async (): Promise<true | undefined> => {
      const { hosts } = await fleet.server.json<Listed>('hosts');
      const inStep = hosts.filter(({ lag, state }) => lag === 0 && state === 'active');
      return isDeepStrictEqual(inStep.map(({ name }) => name).toSorted(), ['new-1', 'old-1']) || undefined;
    };
    await untilAnswered(areInStep, 20_000, () => 'both hosts to have everything');
  },
);

test(
  'A server of the oldest version answers a host of today: it follows it, and a token is refused in words',
  { skip: LACKING },
  async () => {
    using folder = new Folder();
    const oldest = layOldest(folder.path);
    await using fleet = new Fleet(await makeFleetKeys());
    await fleet.server.start({ main: oldest('server') });
    const host = await fleet.addHost('new-1');
    assert.equal((await fleet.report('new-1', ['fail2ban', 'sshd', '203.0.113.5'])).code, 0);
    await fleet.server.line(/203\.0\.113\.5/);
    await host.stop();
    const other = fleet.layHost('new-2');
    rmSync(`${other.paths.keys.join}.key_secret`);
    const { server } = fleet.keys;
    const token = formatToken({
      id: '0123456789ab',
      until: 4_000_000_000,
      secret: await makeCurvePair(),
      generation: '20261121T000000Z-abcdef',
      servers: ['127.0.0.1'],
      reportPort: fleet.server.ports.report,
      publishPort: fleet.server.ports.publish,
      serverPublicKey: server.publicKey,
    });
    const refused: Ran = await runProgram('client', ['join', '-', '--root', other.root], { stdin: token });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /or the server is of a version that knows no tokens/);
  },
);
