// Subscribes to everything and starts a command for each message: WORDS, and the message's address.
import { spawn } from 'node:child_process';
import { Subscriber } from 'zeromq';

const [, , endpoint = '', serverKey = '', publicKey = '', secretKey = '', ...words] = process.argv;
const socket = new Subscriber({
  linger: 0,
  curveServerKey: serverKey,
  curvePublicKey: publicKey,
  curveSecretKey: secretKey,
});
socket.events.on('handshake', () => console.log('ready'));
socket.connect(endpoint);
socket.subscribe();
const [file = '', ...rest] = words;
for await (const [subject] of socket) {
  const ip = String(subject).split(';')[2] ?? '';
  spawn(file, [...rest, ip], { stdio: ['ignore', 'pipe', 'pipe'] });
}
