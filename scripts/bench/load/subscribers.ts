// Many subscribers in one process; says ready once each has heard the server, and of each event when the first and the last had it.
import { context, Subscriber } from 'zeromq';

const [, , endpoint = '', serverKey = '', publicKey = '', secretKey = '', count = '0'] = process.argv;
context.maxSockets = 4096;
/** So many connect at once: a server gives each handshake 5 s, and has one processor for all of them. */
const AT_ONCE = 100;
const sockets: Subscriber[] = [];
while (sockets.length < Number(count)) {
  const some = Array.from({ length: Math.min(AT_ONCE, Number(count) - sockets.length) }, subscriber);
  await Promise.all(some.map((socket) => socket.receive()));
  sockets.push(...some);
}
console.log('ready');
const heard = new Map<string, { first: number; count: number }>();
for (const socket of sockets) void drain(socket);

function subscriber(): Subscriber {
  const curve = { curveServerKey: serverKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
  const socket = new Subscriber({ linger: 0, ...curve });
  socket.connect(endpoint);
  socket.subscribe();
  return socket;
}

async function drain(socket: Subscriber): Promise<void> {
  for await (const frames of socket) {
    if (frames.length === 0) return;
    const subject = String(frames[0]);
    if (subject !== 'heartbeat') note(subject);
  }
}

/** Times are milliseconds of the machine's clock: there are several such processes. */
function note(subject: string): void {
  const at = performance.timeOrigin + performance.now();
  const known = heard.get(subject) ?? { first: at, count: 0 };
  known.count += 1;
  heard.set(subject, known);
  if (known.count === sockets.length) console.log(`heard ${subject} ${known.first} ${at}`);
}
