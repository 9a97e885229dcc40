// A process of its own, which a test kills: opens connections to a report port, fills them with requests whose answers it reads only
// when it must, and says on its standard output that they are open.
import { Dealer } from 'zeromq';
import { seal, Signer } from '@banshare/transport';

const { connections, port, server, curve, seedHex, publicHex } = JSON.parse(process.argv[2] ?? '') as {
  connections: number;
  port: number;
  server: string;
  curve: { publicKey: string; secretKey: string };
  seedHex: string;
  publicHex: string;
};
const signer = new Signer(seedHex);
const messages = Array.from({ length: 100 }, (_, n) => {
  const about = { id: n.toString(16).padStart(32, '0'), at: Date.now() / 1000, key: publicHex, to: server };
  const { subject, body, signature } = seal(about, { kind: 'sync', limit: 1 }, signer);
  return ['', subject, body, signature];
});
const sockets = Array.from({ length: connections }, () => {
  const socket = new Dealer({
    linger: 0,
    sendHighWaterMark: 200,
    receiveHighWaterMark: 1,
    curveServerKey: server,
    curvePublicKey: curve.publicKey,
    curveSecretKey: curve.secretKey,
  });
  socket.connect(`tcp://127.0.0.1:${port}`);
  return socket;
});
for (const socket of sockets) await socket.send(messages[0] ?? []);
// With its answer there is a connection, from which a timer of the server's would run.
for (const socket of sockets) await socket.receive();
process.stdout.write('open\n');
for (const socket of sockets)
  void (async () => {
    for (let n = 1; ; n += 1) await socket.send(messages[n % messages.length] ?? []);
  })();
