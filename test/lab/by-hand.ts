// Starts a lab with banshare on its hosts (with --bare: with fail2ban only) and keeps it until its input is closed or
// Ctrl-C is pressed; README.md says how to look around in it.
import { startFail2ban } from './ground/fail2ban.ts';
import { startFleet } from './ground/fleet.ts';
import { startLab, type Lab } from './ground/lab.ts';
import { skipReason } from './ground/requirements.ts';

const reason = skipReason();
if (reason !== false) {
  console.error(`Cannot start a lab: ${reason}`);
  process.exit(69);
}
const names = ['h1', 'h2', 'h3'];
await using lab = process.argv.includes('--bare')
  ? await bareLab()
  : (await startFleet({ hosts: names })).lab;
const hosts = [...lab.hosts, lab.attacker.host];
console.log(
  hosts
    .map(({ name, pid, addresses }) => `${name}: pid ${pid}, ${addresses.ipv4} ${addresses.ipv6}`)
    .join('; '),
);
process.once('SIGINT', () => process.stdin.destroy());
for await (const _ of process.stdin);

async function bareLab(): Promise<Lab> {
  const bare = await startLab({ hosts: names, server: 'srv' });
  await Promise.all(names.map((name) => startFail2ban(bare.host(name))));
  return bare;
}
