// Many subscribers in one process; says ready once each has heard the server.
import { context, Subscriber } from 'zeromq';

const [, , endpoint = '', serverKey = '', publicKey = '', secretKey = '', count = '0'] = process.argv;
context.maxSockets = 4096;
const sockets = Array.from({ length: Number(count) }, () => {
  const curve = { curveServerKey: serverKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
  const socket = new Subscriber({ linger: 0, ...curve });
  socket.connect(endpoint);
  socket.subscribe();
  return socket;
});
await Promise.all(sockets.map((socket) => socket.receive()));
console.log('ready');
for (const socket of sockets) void drain(socket);

async function drain(socket: Subscriber): Promise<void> {
  for await (const frames of socket) if (frames.length === 0) return;
}
