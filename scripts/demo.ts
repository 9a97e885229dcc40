// The main job on this machine in under a minute: every step is what a real host would do, with the real programs. With --page the fleet
// stays, with its page, until Enter.
import { once } from 'node:events';
import { DemoFleet, type Host } from './demo/fleet.ts';
import { Fault, orExit, tell } from './say.ts';

const BANS = [
  { reporter: 0, jail: 'sshd', ip: '203.0.113.9' },
  { reporter: 1, jail: 'postfix', ip: '198.51.100.77' },
  { reporter: 2, jail: 'sshd', ip: '2001:db8::bad' },
  { reporter: 0, jail: 'nginx-http-auth', ip: '192.0.2.33' },
];

await orExit(async () => {
  const fleet = new DemoFleet();
  const interrupted = (): void => {
    void fleet.remove().then(() => process.exit(130));
  };
  process.on('SIGINT', interrupted);
  process.on('SIGTERM', interrupted);
  try {
    await demonstrate(fleet);
    if (process.argv.includes('--page')) await keepPage(fleet);
  } finally {
    await fleet.remove();
    tell('\nEverything is stopped and removed.');
  }
});

async function demonstrate(fleet: DemoFleet): Promise<void> {
  tell('A banshare server and three hosts, on this machine only, with fresh keys:\n');
  const ports = await fleet.start();
  tell(`  server      takes reports on port ${ports.report}, publishes bans on port ${ports.publish}`);
  tell('  h1 h2 h3    have enrolled and follow it');

  tell(
    '\n1. One host bans an attacker: fail2ban there calls banshare-report, and every other host bans too.\n',
  );
  tell(row(['ADDRESS', 'JAIL', 'REPORT', 'h1', 'h2', 'h3']));
  const delays: number[] = [];
  for (const ban of BANS) delays.push(...(await shareOne(fleet, ban)));
  delays.sort((one, other) => one - other);
  const median = delays[Math.floor(delays.length / 2)] ?? 0;
  tell(
    `\n   From banshare-report started to ban command done elsewhere: median ${ms(median)}, slowest ${ms(delays.at(-1) ?? 0)}.`,
  );

  tell('\n2. The same attacker again within five minutes: a duplicate, nobody is bothered twice.\n');
  const [h1, , h3] = fleet.hosts as [Host, Host, Host];
  const again = await fleet.report(h1, ['fail2ban', 'sshd', '203.0.113.9']).end();
  if (!again.said.includes('duplicate')) throw new Fault(`The repeat was not a duplicate: ${again.said}`);
  tell('   banshare-report says: duplicate');

  tell('\n3. h3 loses power, an attack comes meanwhile, h3 is switched on again: it catches up by itself.\n');
  await h3.client.stop('SIGKILL');
  await fleet.report(h1, ['fail2ban', 'sshd', '203.0.113.50']).end();
  const started = performance.now();
  await fleet.startAgain(h3);
  const caught = await h3.client.line(isOutcome('Ban', '203.0.113.50'));
  tell(`   h3 has banned 203.0.113.50 ${ms(caught.atMs - started)} after its start`);

  tell('\n4. A mistake: h1 takes its report back, and every host lifts the ban.\n');
  const sent = performance.now();
  const unban = fleet.report(h1, ['--unban', 'fail2ban', 'sshd', '203.0.113.9']);
  const others = fleet.hosts.filter(({ name }) => name === 'h2');
  const lifted = await Promise.all(
    others.map(({ client }) => client.line(isOutcome('Unban', '203.0.113.9'))),
  );
  const { code } = await unban.end();
  if (code !== 0) throw new Fault(`banshare-report --unban ended with ${code}`);
  tell(`   lifted on h2 ${ms(Math.max(...lifted.map(({ atMs }) => atMs)) - sent)} after the call`);
}

/** Keeps the fleet up with its page until somebody has seen enough. */
async function keepPage(fleet: DemoFleet): Promise<void> {
  const link = await fleet.openPage();
  const [h1] = fleet.hosts;
  tell(`\n5. The page of this fleet; the link lets one person in, once, within ten minutes:\n\n   ${link}\n`);
  tell(
    `   Have a host ban somebody, and look: dist/bin/banshare-report --root ${h1?.root} fail2ban sshd 203.0.113.99`,
  );
  tell('\n   Enter ends it.');
  process.stdin.resume();
  await Promise.race([once(process.stdin, 'data'), once(process.stdin, 'end')]);
  process.stdin.pause();
}

/** Reports one ban and waits for every host; returns the milliseconds until the others had it. */
async function shareOne(
  fleet: DemoFleet,
  ban: { reporter: number; jail: string; ip: string },
): Promise<number[]> {
  const reporter = fleet.hosts[ban.reporter];
  if (reporter === undefined) throw new Error('no such host');
  const began = performance.now();
  const report = fleet.report(reporter, ['fail2ban', ban.jail, ban.ip]);
  const lines = await Promise.all(fleet.hosts.map(({ client }) => client.line(isOutcome('Ban', ban.ip))));
  const { code, said } = await report.end();
  if (code !== 0) throw new Fault(`banshare-report ended with ${code}: ${said}`);
  const delays: number[] = [];
  const cells = fleet.hosts.map((host, index) => {
    const line = lines[index] ?? { text: '', atMs: Number.NaN };
    const wanted = host === reporter ? 'outcome=skipped reason=own' : 'outcome=applied';
    if (!line.text.includes(wanted)) throw new Fault(`${host.name} did not do what it should: ${line.text}`);
    if (host === reporter) return 'its own';
    delays.push(line.atMs - began);
    return ms(line.atMs - began);
  });
  tell(row([ban.ip, ban.jail, `from ${reporter.name}`, ...cells]));
  return delays;
}

function isOutcome(word: string, ip: string): (line: string) => boolean {
  return (line) => line.includes(`: ${word} `) && line.includes(`ip=${ip} `);
}

function ms(milliseconds: number): string {
  return `${Math.round(milliseconds)} ms`;
}

function row(cells: readonly string[]): string {
  const widths = [15, 16, 8, 8, 8, 8];
  return `   ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' ')}`.trimEnd();
}
