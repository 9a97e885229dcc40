import type { Attempt } from './agent.ts';
import { PATIENCE_MS, untilTrue } from './deadline.ts';
import type { Host } from './host.ts';

/** How long a connection that must come about may take: longer than TCP's first two repetitions. */
const patienceMs = 5_000;

/** The attacker: it owns every address of its nets and knows what they can reach. */
export class Attacker {
  readonly host: Host;
  #sessions = 2000;

  constructor(host: Host) {
    this.host = host;
  }

  /** Lets every address of the attacker's nets be used, IPv6 ones too. */
  async prepare(): Promise<void> {
    await this.host.output(['sysctl', '-q', '-w', 'net.ipv6.ip_nonlocal_bind=1']);
    await this.host.agent.listen(22);
  }

  /** Tries to connect to a host's sshd from one of the attacker's addresses. */
  async attempt(target: Host, from: string, port = 22, patience = patienceMs): Promise<Attempt> {
    const to = from.includes(':') ? target.addresses.ipv6 : target.addresses.ipv4;
    return this.host.agent.connect(from, to, port, patience);
  }

  /** Whether a connection comes about. */
  async connects(target: Host, from: string, port = 22): Promise<boolean> {
    return (await this.attempt(target, from, port)) === 'connected';
  }

  /** Waits until the host drops this address's packets: a short silence, confirmed by a longer one. */
  async untilDropped(target: Host, from: string, milliseconds = PATIENCE_MS): Promise<void> {
    const dropped = async (): Promise<boolean> =>
      (await this.attempt(target, from, 22, 60)) === 'silence' &&
      (await this.attempt(target, from, 22, 400)) === 'silence';
    await untilTrue(milliseconds, `${target.name} to drop ${from}`, dropped);
  }

  /** Leaves the three lines in the host's auth.log that failed logins from this address would. */
  async failLogin(target: Host, ip: string, times = 3): Promise<void> {
    const when = new Date().toISOString().replace('Z', '+00:00');
    // The sshd filter takes lines of one process for one session, and so for one address.
    const session = ++this.#sessions;
    const line = (n: number): string =>
      `${when} ${target.name} sshd[${session}]: Failed password for invalid user admin${n} from ${ip} port 4000${n} ssh2\n`;
    await target.append('/var/log/auth.log', Array.from({ length: times }, (_, n) => line(n)).join(''));
  }

  /** Knocks at 200 ports at once, which is a scan of psad's danger level 3. */
  async scan(target: Host, from: string): Promise<void> {
    const ports = Array.from({ length: 200 }, (_, n) => 1000 + n);
    await Promise.all(ports.map((port) => this.attempt(target, from, port, 100)));
  }

  /** Makes the attacker's machine a name server that never answers, and returns its address. */
  async silentResolver(): Promise<string> {
    const rules = 'add table inet lab\nadd chain inet lab in { type filter hook input priority 0; }\n';
    await this.host.output(['nft', '-f', '-'], { input: `${rules}add rule inet lab in udp dport 53 drop\n` });
    return this.host.addresses.ipv4;
  }
}
