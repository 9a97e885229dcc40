import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { curveKeyPair, Dealer, Subscriber } from 'zeromq';
import { answerZap, listen, PublishPort, reportRouter, type Admission } from '../src/index.ts';
import { closing } from './closing.ts';
import { Doorman, knock, onLoopback } from './doors.ts';

const REPORT = curveKeyPair();
const PUBLISH = curveKeyPair();
const host = curveKeyPair();
const joiner = curveKeyPair();

const doorman = new Doorman();
const router = reportRouter();
const publisher = new PublishPort();
let reportEndpoint = '';
let publishEndpoint = '';

before(async () => {
  await doorman.stand();
  reportEndpoint = await listen(router, onLoopback('report:one', REPORT));
  publishEndpoint = await publisher.listen(onLoopback('publish:one', PUBLISH));
});
afterEach(() => {
  doorman.rule = () => 'admit';
  doorman.knocks.length = 0;
});
after(() => {
  router.close();
  publisher.close();
});

test('a knock tells domain, key and address', async () => {
  await knock(reportEndpoint, REPORT.publicKey, host);
  assert.deepEqual(doorman.knocks, [{ domain: 'report:one', key: host.publicKey, address: '127.0.0.1' }]);
});

const EXPECTED = { admit: 'in', refuse: 'refused', wait: 'gone' } as const;
for (const admission of ['admit', 'refuse', 'wait'] as Admission[]) {
  for (const domain of ['report:one', 'publish:one']) {
    test(`a key for which the answer is "${admission}" at ${domain} is ${EXPECTED[admission]} there and refused elsewhere`, async () => {
      doorman.rule = (at) => (at.domain === domain && at.key === host.publicKey ? admission : 'refuse');
      const patienceMs = admission === 'wait' ? 500 : undefined;
      assert.equal(await knockAt(domain, host, patienceMs), EXPECTED[admission]);
      assert.equal(await knockAt(domain === 'report:one' ? 'publish:one' : 'report:one', host), 'refused');
      assert.equal(await knockAt(domain, joiner), 'refused');
    });
  }
}

function knockAt(domain: string, key: typeof host, patienceMs?: number): ReturnType<typeof knock> {
  if (domain === 'report:one') return knock(reportEndpoint, REPORT.publicKey, key, Dealer, patienceMs);
  return knock(publishEndpoint, PUBLISH.publicKey, key, Subscriber, patienceMs);
}

test('a key that was told to wait gets in by itself once it is admitted', async () => {
  const isKnown = new Promise<void>((resolve) => {
    doorman.rule = () => {
      doorman.rule = () => 'admit';
      resolve();
      return 'wait';
    };
  });
  const socket = new Subscriber({
    linger: 0,
    handshakeInterval: 300,
    reconnectInterval: 50,
    curveServerKey: PUBLISH.publicKey,
    curvePublicKey: host.publicKey,
    curveSecretKey: host.secretKey,
  });
  const isIn = new Promise((resolve) => socket.events.on('handshake', resolve));
  closing(socket).connect(publishEndpoint);
  await isKnown;
  await isIn;
  socket.close();
});

test('a fault in the decision refuses, and the next key is judged again', async () => {
  doorman.rule = () => {
    throw new Error('the book of hosts cannot be read');
  };
  assert.equal(await knock(reportEndpoint, REPORT.publicKey, host), 'refused');
  doorman.rule = () => 'admit';
  assert.equal(await knock(reportEndpoint, REPORT.publicKey, host), 'in');
});

test('a second handler in the process is refused, and the first goes on', async () => {
  await assert.rejects(
    answerZap(() => 'admit'),
    { code: 'EADDRINUSE' },
  );
  doorman.rule = () => 'refuse';
  assert.equal(await knock(reportEndpoint, REPORT.publicKey), 'refused');
});

const KEY = Buffer.alloc(32, 7);
const ASKED: [what: string, frames: (string | Buffer)[], code: string][] = [
  ['CURVE with a key', ['1.0', 'r', 'report:one', '192.0.2.1', '', 'CURVE', KEY], '200'],
  ['CURVE with a short key', ['1.0', 'r', 'report:one', '192.0.2.1', '', 'CURVE', KEY.subarray(1)], '400'],
  ['CURVE without a key', ['1.0', 'r', 'report:one', '192.0.2.1', '', 'CURVE'], '400'],
  ['PLAIN', ['1.0', 'r', 'report:one', '192.0.2.1', '', 'PLAIN', 'user', 'password'], '400'],
  ['NULL', ['1.0', 'r', 'report:one', '192.0.2.1', '', 'NULL'], '400'],
  ['nothing but a version', ['1.0'], '400'],
];
for (const [what, frames, code] of ASKED) {
  test(`the handler answers ${code} to ${what}`, async () => {
    const socket = closing(new Dealer({ linger: 0 }));
    socket.connect('inproc://zeromq.zap.01');
    await socket.send(['no delimiter: not answered']);
    await socket.send(['', ...frames]);
    const answer = (await socket.receive()).map(String);
    assert.deepEqual([answer[0], answer[1], answer[3]], ['', '1.0', code]);
    if (frames.length > 1) assert.equal(answer[2], 'r');
    socket.close();
  });
}

test('without a handler nobody is let in', async () => {
  doorman.leave();
  assert.notEqual(await knock(reportEndpoint, REPORT.publicKey, host), 'in');
  assert.notEqual(await knock(publishEndpoint, PUBLISH.publicKey, host, Subscriber), 'in');
});
