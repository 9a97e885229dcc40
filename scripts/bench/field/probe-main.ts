// Runs on the lab's attacker: sends a packet from an address to a host at each beat, until its input ends.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const [, , from = '', to = '', beatMs = '1'] = process.argv;
const socket = createSocket('udp4');
socket.bind(0, from);
await once(socket, 'listening');
const timer = setInterval(() => socket.send('probe', 9, to), Number(beatMs));
console.log('probing');
process.stdin.resume();
await once(process.stdin, 'end');
clearInterval(timer);
socket.close();
