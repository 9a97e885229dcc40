// One of the processes that report concurrently: each sender has a connection of its own and sends its next report as soon
// as the last one is answered. Reports are signed before the clock runs. Words: one JSON object; then `go` on stdin. Says at the end for how
// many seconds it reported, how much processor time that took, and after how many milliseconds each was answered.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Request } from 'zeromq';
import { parseAddress, parseJail, parseProg, type HostName } from '@banshare/protocol';
import { Mac, seal, sealByMac, Signer, type HostKey, type Sealed } from '@banshare/transport';

/** What a process of senders is told. */
export type Senders = {
  endpoint: string;
  serverKey: string;
  key: HostKey;
  name: HostName;
  senders: number;
  each: number;
  /** The first two bytes of the addresses, so that no two processes report the same. */
  network: string;
  /** By MAC, as hosts go by it; else signed, as those of earlier versions do. */
  isByMac: boolean;
};

const given = JSON.parse(process.argv[2] ?? '{}') as Senders;
const signer = new Signer(given.key.seedHex);
const mac = new Mac(given.key.curve.secretKey, given.serverKey);
const sockets = Array.from({ length: given.senders }, () => connect());
const reports = sockets.map((_, sender) =>
  Array.from({ length: given.each }, (__, turn) => make(sender, turn)),
);
// The first exchange of each connects it.
await Promise.all(sockets.map((socket, sender) => exchange(socket, reports[sender]?.[0])));
console.log('ready');
await once(process.stdin, 'data');
const answeredMs: number[] = [];
const usedBefore = process.cpuUsage();
const began = process.hrtime.bigint();
await Promise.all(
  sockets.map(async (socket, sender) => {
    for (const report of reports[sender]?.slice(1) ?? []) {
      const sent = performance.now();
      await exchange(socket, report);
      answeredMs.push(performance.now() - sent);
    }
  }),
);
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
const { user, system } = process.cpuUsage(usedBefore);
console.log(`done ${seconds} ${(user + system) / 1e6} ${answeredMs.map((ms) => ms.toFixed(1)).join(',')}`);
process.exit(0);

function connect(): Request {
  const { publicKey, secretKey } = given.key.curve;
  const curve = { curveServerKey: given.serverKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
  const socket = new Request({ linger: 0, receiveTimeout: 20_000, ...curve });
  socket.connect(given.endpoint);
  return socket;
}

function make(sender: number, turn: number): Sealed {
  const number = sender * given.each + turn;
  const ip = parseAddress(`${given.network}.${number >> 8}.${number & 255}`);
  const prog = parseProg('fail2ban');
  const jail = parseJail('sshd');
  if (!ip.ok || !prog.ok || !jail.ok) throw new Error('unreachable: these are well formed');
  const report = { prog: prog.value, jail: jail.value, ip: ip.value };
  const id = randomBytes(16).toString('hex');
  const envelope = { id, at: Date.now() / 1000, key: given.key.publicHex, to: given.serverKey };
  const request = { kind: 'report', sender: given.name, report } as const;
  return given.isByMac ? sealByMac(envelope, request, mac) : seal(envelope, request, signer);
}

async function exchange(socket: Request, report: Sealed | undefined): Promise<void> {
  if (report === undefined) return;
  await socket.send([report.subject, report.body, report.signature]);
  const [status, body] = await socket.receive();
  // An echo begins with the subject.
  const isFine =
    String(status) === 'OK' ? String(body).includes('"accepted"') : String(status) === report.subject;
  if (!isFine) throw new Error(`Cannot report ${report.subject}: ${String(status)} ${String(body)}`);
}
