// Starts a lab and keeps it until the input is closed or Ctrl-C is pressed; README.md says how to look around in it.
import { startFail2ban } from './fail2ban.ts';
import { startLab } from './lab.ts';
import { skipReason } from './requirements.ts';

const reason = skipReason();
if (reason !== false) {
  console.error(`Cannot start a lab: ${reason}`);
  process.exit(69);
}
await using lab = await startLab({ hosts: ['h1', 'h2', 'h3'], server: 'srv' });
await Promise.all(['h1', 'h2', 'h3'].map((name) => startFail2ban(lab.host(name))));
const hosts = [...lab.hosts, lab.attacker.host];
console.log(
  hosts.map(({ name, pid, place }) => `${name}: pid ${pid}, ${place.ipv4} ${place.ipv6}`).join('; '),
);
process.once('SIGINT', () => process.stdin.destroy());
for await (const _ of process.stdin);
