import { readdir, readFile, readlink } from 'node:fs/promises';
import { PATIENCE_MS, untilTrue } from './deadline.ts';
import type { Host } from './host.ts';

/** Where the lab keeps what the kernel logs: LOG rules print nothing in a network namespace. */
const kernelLog = '/var/log/kern.log';

/** psad's configuration on a lab host: quick, silent, and without a look outside. */
const settings: Record<string, string> = {
  HOSTNAME: 'lab',
  ALERTING_METHODS: 'noemail',
  ENABLE_AUTO_IDS: 'Y',
  AUTO_IDS_DANGER_LEVEL: '3',
  ENABLE_AUTO_IDS_EMAILS: 'N',
  AUTO_DETECT_JOURNALCTL: 'N',
  ENABLE_FW_MSG_READ_CMD: 'N',
  ENABLE_SYSLOG_FILE: 'Y',
  IPT_SYSLOG_FILE: kernelLog,
  FW_SEARCH_ALL: 'Y',
  ENABLE_FW_LOGGING_CHECK: 'N',
  ENABLE_WHOIS_LOOKUPS: 'N',
  ENABLE_DNS_LOOKUPS: 'N',
  ENABLE_SIG_MSG_SYSLOG: 'N',
  ENABLE_INTF_LOCAL_NETS: 'N',
  ENABLE_PSADWATCHD: 'N',
  CHECK_INTERVAL: '1',
};

/** Starts a real psad on the host and waits until it reads the log. The further settings are lines of psad.conf. */
export async function startPsad(host: Host, furtherLines: string): Promise<void> {
  const further = [...furtherLines.matchAll(/^(\w+)\s+(.*);$/gm)].map(([, name, value]) => [name, value]);
  let conf = await host.read('/etc/psad/psad.conf');
  for (const [name, value] of [...Object.entries(settings), ...further]) {
    conf = conf.replace(new RegExp(`^${name}\\s.*;`, 'm'), () => `${name} ${value};`);
  }
  await host.write('/etc/psad/psad.conf', conf);
  await logProbes(host);
  await runPsad(host);
}

/** Starts psad as it is configured and waits until it reads the log. */
async function runPsad(host: Host): Promise<void> {
  // psad passes over the lines that are there when it starts: it has to have done so before a scan begins.
  await host.append(kernelLog, 'Nov 21 00:00:00 lab kernel: the log begins\n');
  // The daemon keeps the output of the command that started it.
  await host.output(['sh', '-c', 'psad >/var/log/psad-start.log 2>&1 </dev/null']);
  await untilTrue(PATIENCE_MS, `psad to read ${kernelLog} on ${host.name}`, () => readsLog(host));
}

/** The psad daemons that run on the host, as numbered in it. */
export async function psadPids(host: Host): Promise<string[]> {
  const processes = await host.output(['ps', '-eo', 'pid=,args=']);
  return processes
    .split('\n')
    .flatMap((line) => /^\s*(\d+) .*perl.* \/usr\/sbin\/psad/.exec(line)?.[1] ?? []);
}

/**
 * Writes what the kernel would log of each TCP connection that is begun with the host, seen by nft's packet trace. Behind the
 * filters, since psad's own chains come before any LOG rule: psad keeps an address that it was told at the level at which it blocks,
 * and would block it again, for an hour, by one line about a packet of before the lift that it reads after it.
 */
async function logProbes(host: Host): Promise<void> {
  const rules = [
    'add table inet probes',
    'add chain inet probes in { type filter hook input priority 10; }',
    'add rule inet probes in tcp flags & (syn | ack) == syn meta nftrace set 1',
  ];
  await host.output(['nft', '-f', '-'], { input: rules.join('\n') });
  const trace = host.spawn(['nft', 'monitor', 'trace']);
  trace.onLine((line) => {
    const packet =
      /packet: iif "(\w+)".* ip saddr (\S+) ip daddr (\S+).* ip id (\d+).* tcp sport (\d+) tcp dport (\d+)/.exec(
        line,
      );
    if (packet === null) return;
    const [, inDevice, from, to, id, sourcePort, port] = packet;
    const logged = host.append(
      kernelLog,
      `Nov 21 00:00:00 lab kernel: [   12.345678] DROP IN=${inDevice} OUT= MAC=02:fc:00:00:00:01:02:fc:00:00:00:02:08:00 ` +
        `SRC=${from} DST=${to} LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=${id} DF PROTO=TCP SPT=${sourcePort} DPT=${port} ` +
        'WINDOW=64240 RES=0x00 SYN URGP=0\n',
    );
    // What is seen while the host ends is logged nowhere; a lost line shows as a scan that psad does not see.
    logged.catch(() => undefined);
  });
  // nft does not say when it has begun to listen: connect to oneself until it has seen it.
  const seen = trace.line(/ip saddr 127\.0\.0\.1/);
  let listening = false;
  void seen.finally(() => (listening = true)).catch(() => {});
  while (!listening) await host.agent.connect('127.0.0.1', '127.0.0.1', 22, 1_000);
  await seen;
}

async function readsLog(host: Host): Promise<boolean> {
  for (const pid of await psadPids(host)) {
    const folder = host.outside(`/proc/${pid}`);
    for (const file of await readdir(`${folder}/fd`).catch(() => [])) {
      if ((await readlink(`${folder}/fd/${file}`).catch(() => '')) !== kernelLog) continue;
      const state = await readFile(`${folder}/fdinfo/${file}`, 'utf8').catch(() => '');
      return !/^pos:\s+0$/m.test(state);
    }
  }
  return false;
}
