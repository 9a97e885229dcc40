import { curveKeyPair } from 'zeromq';
import { Requester } from '../src/index.ts';
import { request } from './doors.ts';

/** A program that asks once and closes: it must then end by itself, without process.exit. */
const [endpoint = '', serverKey = '', withinMs = ''] = process.argv.slice(2);
const asker = new Requester({ endpoint, serverKey, curve: curveKeyPair() });
const answer = await asker.request(request(serverKey), Number(withinMs));
console.log(answer.ok ? answer.reply.verdict : answer.fault);
asker.close();
