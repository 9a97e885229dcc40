import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { curveKeyPair, Publisher, Router } from 'zeromq';
import { eventPublisher, listen, reportRouter, strangerIsRefused } from '../src/index.ts';
import { closing } from './closing.ts';
import { Doorman, onLoopback } from './doors.ts';

const server = curveKeyPair();
const doorman = new Doorman();

before(async () => {
  await doorman.stand();
  doorman.rule = () => 'refuse';
});

test('strangerIsRefused() is true at both kinds of shut doors', async () => {
  for (const socket of [reportRouter(), eventPublisher()]) {
    const endpoint = await listen(closing(socket), onLoopback('a', server));
    assert.equal(await strangerIsRefused(endpoint, server.publicKey), true);
    socket.close();
  }
});

test('strangerIsRefused() reaches a socket that is bound to every address', async () => {
  const socket = closing(reportRouter());
  const endpoint = await listen(socket, { ...onLoopback('a', server), address: '0.0.0.0' });
  assert.match(endpoint, /0\.0\.0\.0/);
  assert.equal(await strangerIsRefused(endpoint, server.publicKey), true);
  socket.close();
});

test('strangerIsRefused() is false at sockets without a ZAP domain, where libzmq does not ask the handler', async () => {
  for (const Kind of [Router, Publisher]) {
    assert.equal(await isShut(new Kind({ linger: 0, zapEnforceDomain: true })), false);
  }
});

test('strangerIsRefused() is false where the doorman lets everybody in', async () => {
  doorman.rule = () => 'admit';
  const socket = closing(reportRouter());
  const endpoint = await listen(socket, onLoopback('a', server));
  assert.equal(await strangerIsRefused(endpoint, server.publicKey), false);
  socket.close();
});

test('strangerIsRefused() is false where the domain is not enforced and no handler stands', async () => {
  doorman.leave();
  for (const Kind of [Router, Publisher]) {
    assert.equal(await isShut(new Kind({ linger: 0, zapDomain: 'a' })), false);
  }
});

async function isShut(socket: Router | Publisher): Promise<boolean> {
  closing(socket);
  socket.curveServer = true;
  socket.curveSecretKey = server.secretKey;
  await socket.bind('tcp://127.0.0.1:0');
  return strangerIsRefused(socket.lastEndpoint ?? '', server.publicKey);
}
