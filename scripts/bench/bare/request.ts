// The least that can report one ban: one signed CURVE request, with zeromq.js and node:crypto only.
import { createPrivateKey, randomBytes, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Request } from 'zeromq';

const [, , keyFile = '', endpoint = '', serverKey = '', ip = ''] = process.argv;
const text = readFileSync(keyFile, 'utf8');
const field = (name: string): string => new RegExp(` ${name} = "(.*)"`).exec(text)?.[1] ?? '';
const socket = new Request({
  linger: 0,
  curveServerKey: serverKey,
  curvePublicKey: field('public-key'),
  curveSecretKey: field('secret-key'),
});
socket.connect(endpoint);
const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const der = Buffer.concat([prefix, Buffer.from(field('seed'), 'hex')]);
const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
const subject = `fail2ban;sshd;${ip};${field('name')}`;
const id = randomBytes(16).toString('hex');
const body = JSON.stringify({ v: 1, id, at: Date.now() / 1000, key: field('public'), to: serverKey });
const signature = sign(null, Buffer.from(`banshare/1\0${subject}\0${body}`), key);
void (async () => {
  await socket.send([subject, body, signature]);
  const [status] = await socket.receive();
  process.exit(String(status) === 'OK' ? 0 : 1);
})();
