import { fail2banClient, startFail2ban } from '../../../test/lab/ground/fail2ban.ts';
import type { Host } from '../../../test/lab/ground/host.ts';
import { median, type Figure } from '../figures.ts';
import { addresses } from './addresses.ts';
import { Inside } from './inside.ts';
import { Rules } from './rules.ts';
import { time, type Found, type Way } from './ways.ts';

const JAIL = 'banshare';
const COUNT = 108;
const ROUNDS = 3;
/** Where banshare's enforcer "log" writes by default. */
const LOG = '/var/log/shared.log';
const JOB = `${COUNT} into a jail of fail2ban with nftables`;

/** A jail that bans each address that its log names, and that takes bans directly. */
const SHARED = [
  `[${JAIL}]`,
  'enabled = true',
  'filter = bench',
  `logpath = ${LOG}`,
  'maxretry = 1',
  'port = 0:65535',
  'action = %(action_)s',
].join('\n');
const FILTER = String.raw`[Definition]
failregex = ^\s*banshare: <HOST>: reported by .*$
ignoreregex =
`;

/** 108 addresses into a real jail, until all are in the kernel: the ways of the field, fail2ban's own batch, and ours. */
export async function measureJail(host: Host): Promise<Found<Figure>> {
  await host.write(LOG, '');
  await host.write('/etc/fail2ban/filter.d/bench.conf', FILTER);
  await startFail2ban(host, { jails: [], more: SHARED });
  const rules = await Rules.of(host);
  const ips = addresses('45.8', COUNT);
  const timed = async (work: () => Promise<void>): Promise<number> => {
    await fail2banClient(host, 'unban', '--all');
    rules.forget();
    const began = performance.now();
    await work();
    return (await rules.untilCount(COUNT)) - began;
  };
  await using inside = new Inside(host);
  const client = async (...words: readonly string[]): Promise<void> =>
    void (await inside.run(['fail2ban-client', 'set', JAIL, 'banip', ...words]));
  const through = (toml: string) => async (): Promise<number> => {
    await inside.enforcer(toml);
    return timed(async () => void (await inside.ban(JAIL, ips)));
  };

  // The first ban makes the table, and its process is the first of its kind.
  await client('44.2.0.1');
  const ways: Way[] = [];
  const add = (way: string, ms: number, raw: string): number => ways.push({ job: JOB, way, ms, raw });
  const each = await timed(async () => {
    for (const ip of ips) await client(ip);
  });
  add('fail2ban-client each', each, 'one after the other');
  add('banshare, log, a jail that reads it', await through(LINES)(), 'all lines at once, polling');
  add(
    'banshare, command, fail2ban-client each',
    await through(COMMAND('SRCIP'))(),
    'four at once, the default',
  );
  const several = await inside.enforcer(COMMAND('SRCIPS'));
  if (several > 1)
    add('banshare, command with SRCIPS', await through(COMMAND('SRCIPS'))(), `${several} at once`);

  const own: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    own.push(await timed(() => client(...ips)));
    ours.push(await through('[apply]\nenforcer = "fail2ban"\n')());
  }
  await rules.close();
  const [o, b] = [median(ours), median(own)];
  add('fail2ban-client, all in one call', b, `median of ${ROUNDS}`);
  add('banshare, fail2ban (its socket)', o, `median of ${ROUNDS}`);
  const name = `${COUNT} into fail2ban, ours : its own batch call`;
  return {
    ways,
    figures: [{ name, value: o / b, unit: '×', bound: 'most', goal: 1.2, raw: `${time(o)} : ${time(b)}` }],
  };
}

const LINES = '[apply]\nenforcer = "log"\n';

/** Not the default command's words: for those the client takes fail2ban's socket. */
const COMMAND = (word: string): string =>
  `[apply]\nenforcer = "command"\ncommand = "fail2ban-client set JAIL banip ${word}"\n`;
