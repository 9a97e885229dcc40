// Runs in a lab host beside its client: hears the same messages at the same moment. An address on its input goes to a bare
// nft. Either way it says when: "heard ADDRESS NANOSECONDS", "began ADDRESS NANOSECONDS".
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Subscriber } from 'zeromq';

const [, , endpoint = '', serverKey = '', publicKey = '', secretKey = ''] = process.argv;
const curve = { curveServerKey: serverKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
const socket = new Subscriber({ linger: 0, ...curve });
socket.connect(endpoint);
socket.subscribe();
void hear();
for await (const ip of createInterface({ input: process.stdin })) {
  const at = process.hrtime.bigint();
  const nft = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  nft.stdin.end(`add element inet bare v4 { ${ip} timeout 1d }\n`);
  console.log(`began ${ip} ${at}`);
}
process.exit();

async function hear(): Promise<void> {
  for await (const [subject] of socket) {
    const at = process.hrtime.bigint();
    const [, , ip = 'nothing'] = String(subject).split(';');
    console.log(`heard ${ip} ${at}`);
  }
}
