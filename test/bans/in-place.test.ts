import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startFleet, untilAnswered, type Fleet, type FleetHost } from '../fleet/index.ts';

type Entry = { code: string; text: string };
type Status = {
  urgent: Entry[];
  todo: Entry[];
  inPlace: { hosts: number; complete: number };
  listening: string[];
};
type Drill = { hosts: { host: string; outcome: string; reason: string | null; isMuted: boolean }[] };

/** Starts a host whose [apply] has these lines in place of the test's own command. */
async function hostWith(fleet: Fleet, name: string, apply: string, clientToml?: string): Promise<FleetHost> {
  const host = fleet.layHost(name, clientToml);
  const toml = readFileSync(host.paths.clientConfig, 'utf8');
  host.writeToml(toml.replace(host.applyLines, `[apply]\n${apply}\n`));
  await host.start();
  return host;
}

async function drilled(fleet: Fleet): Promise<{ code: number | null; outcomes: Record<string, string> }> {
  const { code, stdout } = await fleet.server.asks('drill', '--json');
  const { hosts } = JSON.parse(stdout) as Drill;
  const said = hosts.map(({ host, outcome, reason, isMuted }) => [
    host,
    `${outcome}${reason === null ? '' : `: ${reason}`}${isMuted ? ', muted' : ''}`,
  ]);
  return { code, outcomes: Object.fromEntries(said) as Record<string, string> };
}

test('Hosts that ban nothing are named by drill, status and hosts, which ask for a person until they are muted', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  const h2 = await hostWith(fleet, 'h2', 'command = "/bin/false"\nunban-command = "/bin/false"');
  const h3 = await fleet.addHost('h3');
  await fleet.addHost('h4', '[never-ban]\naddresses = ["203.0.113.0/24"]');
  await hostWith(fleet, 'h5', 'enforcer = "none"');
  assert.equal((await h3.command('pause')).code, 0);
  assert.equal((await fleet.report('h1', ['--duration', '1h', 'fail2ban', 'sshd', '198.51.100.1'])).code, 0);
  await h2.line(/Cannot ban .*198\.51\.100\.1/);

  const first = await drilled(fleet);
  assert.equal(first.code, 1);
  assert.match(first.outcomes['h2'] ?? '', /^failed: /);
  assert.match(first.outcomes['h4'] ?? '', /^skipped: never-ban/);
  const rest = { h1: first.outcomes['h1'], h3: first.outcomes['h3'], h5: first.outcomes['h5'] };
  assert.deepEqual(rest, { h1: 'applied', h3: 'skipped: paused', h5: 'skipped: enforcer is none' });

  // Each host has confirmed that the drill's ban is lifted, and the others what of the ban is in place, which no line of the server tells.
  const status = await untilAnswered(
    async () => {
      const now = await fleet.server.json<Status>('status');
      const isOver = now.todo.every(({ text }) => !/\b2 bans?\b/.test(text));
      return isOver && now.inPlace.complete === 2 ? now : undefined;
    },
    20_000,
    () => 'every host to tell that the drill is over',
  );
  const todo = Object.fromEntries(status.todo.map(({ code, text }) => [code, text]));
  assert.deepEqual(Object.keys(todo), ['paused', 'failing']);
  assert.match(todo['paused'] ?? '', /^h3 is PAUSED since \S+, none of 1 ban is in place/);
  assert.match(todo['failing'] ?? '', /^h2: 0 of 1 ban in place, 1 failed: exit 1 after \d+ ms$/);
  assert.deepEqual([status.inPlace.hosts, status.inPlace.complete, status.listening], [4, 2, ['h5']]);
  const shown = await fleet.server.asks('status');
  assert.equal(shown.code, 1);
  assert.match(shown.stdout, /^In place: .* on 2 of 4 hosts\.\n {2}h5 only listens/m);
  assert.equal((await fleet.server.asks('status', '--urgent')).code, 0);
  const { stdout: table } = await fleet.server.asks('hosts');
  assert.match(table, /^h2 +active, failing .*\n(.*\n)*h3 +active, PAUSED /m);
  const own = await h2.command('status');
  assert.equal(own.code, 1);
  assert.match(own.stdout, /^ {2}! +1 ban failed, and is not in place: exit 1 after/m);

  assert.equal((await fleet.server.asks('hosts', 'mute', 'h2', '--for', '8h', '--note', 'new disk')).code, 0);
  for (const name of ['h3', 'h4']) assert.equal((await fleet.server.asks('hosts', 'mute', name)).code, 0);
  const quiet = await fleet.server.asks('status');
  assert.deepEqual([quiet.code, quiet.stdout.includes('To do')], [0, false], quiet.stdout);
  assert.match(quiet.stdout, /^ {2}h2 is muted until \S+: new disk$/m);
  const again = await drilled(fleet);
  assert.equal(again.code, 0);
  assert.match(again.outcomes['h2'] ?? '', /^failed: .*, muted$/);
  await fleet.server.restart();
  assert.equal((await fleet.server.asks('hosts', 'unmute', 'h2')).code, 0);
  assert.match((await fleet.server.asks('audit')).stdout, /muted .*new disk.*\n(.*\n)*.*unmuted/);
  assert.equal((await fleet.server.asks('hosts', 'mute', 'h2', '--for=-1')).code, 64);
});

test('A host that is full says how many bans are not in place there, in its own status and in that of the server', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'], applyToml: 'max-active = 1\n' });
  const h2 = fleet.host('h2');
  for (const last of [1, 2, 3])
    assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', `203.0.113.${last}`])).code, 0);
  const full = async (): Promise<string | undefined> => {
    const { todo } = await fleet.server.json<Status>('status');
    return todo.find(({ code, text }) => code === 'full' && text.includes('2 of 3'))?.text;
  };
  assert.match(
    await untilAnswered(full, 20_000, () => 'h2 to be full'),
    /^h2 is full: 2 of 3 bans are not in place/,
  );
  const { code, stdout } = await h2.command('status');
  assert.equal(code, 1);
  assert.match(stdout, /This host is full: 2 bans more than its max-active are not in place/);
});
