import { Running } from './running.ts';

/** Where a lab host is found on the lab's one network. */
export type HostAddresses = { ipv4: string; ipv6: string };

/** The nets whose every address belongs to the attacker. */
const attackerNets = ['198.51.100.0/24', '203.0.113.0/24', '2001:db8:bad::/64'];

const ATTACKER: HostAddresses = { ipv4: '10.99.0.254', ipv6: 'fd99::254' };
const SERVER: HostAddresses = { ipv4: '10.99.0.100', ipv6: 'fd99::100' };

/** The address of the host that runs banshare-server, the same in every lab: it is baked into the programs. */
export const serverAddress = SERVER.ipv4;

/** Gives every host of a lab its addresses: the attacker and the server have fixed ones, the others are numbered. */
export function addressPlan(hosts: readonly string[], server?: string): Map<string, HostAddresses> {
  const plan = new Map<string, HostAddresses>([['attacker', ATTACKER]]);
  if (server !== undefined) plan.set(server, SERVER);
  hosts.forEach((name, index) => {
    if (plan.has(name)) throw new Error(`Two hosts of the lab are called "${name}"; give each its own name`);
    plan.set(name, { ipv4: `10.99.0.${index + 1}`, ipv6: `fd99::${index + 1}` });
  });
  return plan;
}

/** Starts the switch: a bridge in a network namespace of its own, which ends with the returned process. */
export async function startSwitch(timeToLiveSeconds: number): Promise<Running> {
  const commands = [
    'ip link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
    'ip link set br0 up',
    // Where br_netfilter is loaded, each new namespace starts with the firewall of the hosts applied to bridged frames.
    'for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e "$f" ] || echo 0 >"$f"; done',
    'echo ready',
    `timeout ${timeToLiveSeconds} cat >/dev/null || :`,
  ];
  const argv = ['unshare', '--net', '--fork', '--kill-child', 'sh', '-c', commands.join('\n')];
  const running = new Running('the switch of the lab', argv);
  await running.line(/^ready$/);
  return running;
}

/** Connects a host's eth0 to the switch and gives it its addresses and its routes. */
export async function plugIn(
  switchPid: number,
  name: string,
  hostPid: number,
  addresses: HostAddresses,
): Promise<void> {
  const port = `p-${name}`.slice(0, 15);
  await inNetwork(switchPid, [
    `link add ${port} type veth peer name eth0 netns ${hostPid}`,
    `link set ${port} master br0 up`,
  ]);
  const isAttacker = addresses === ATTACKER;
  await inNetwork(hostPid, [
    'link set lo up',
    'link set eth0 up',
    `addr add ${addresses.ipv4}/24 dev eth0`,
    `addr add ${addresses.ipv6}/64 dev eth0 nodad`,
    ...attackerNets.map((net) => (isAttacker ? `route add local ${net} dev lo` : routeToAttacker(net))),
  ]);
}

function routeToAttacker(net: string): string {
  return `route add ${net} via ${net.includes(':') ? ATTACKER.ipv6 : ATTACKER.ipv4}`;
}

async function inNetwork(pid: number, commands: readonly string[]): Promise<void> {
  // Duplicate address detection would keep IPv6 silent for more than a second after the cable is in.
  const noDetection = 'for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >"$f"; done';
  const script = `${noDetection}; exec ip -batch -`;
  const ip = new Running('ip -batch', ['nsenter', '-t', String(pid), '-n', 'sh', '-c', script]);
  ip.say(`${commands.join('\n')}\n`);
  ip.hangUp();
  const { code, stderr } = await ip.ended;
  if (code !== 0) throw new Error(`Cannot set up the network of the lab: ${stderr}`);
}
