import { test } from 'node:test';
import assert from 'node:assert/strict';
import { answerZap, type Doorkeeper } from '@banshare/transport';
import { CLOSED, OPEN, Stand } from './stand.ts';

// One handler for all tests of this process: libzmq gives a handler's name back in a thread of its own, and tells nobody when.
// What becomes of doors whose handler is late, silent or missing is in zap-late.test.ts.
let decide: Doorkeeper;
const zap = await answerZap((knock) => decide(knock));

test('with a handler that is alive exactly the allowed cells open', async () => {
  using stand = await new Stand().open();
  decide = ({ domain, key, address }) => stand.admissions.decide(domain, key, address);
  assert.deepEqual(await stand.cellsThatOpen(), OPEN);
  stand.admissions.openJoining(false);
  assert.deepEqual(await stand.cellsThatOpen(), CLOSED);
});

test('with a handler that throws no cell opens', async () => {
  using stand = await new Stand().open();
  decide = () => {
    throw new Error('the handler is broken');
  };
  assert.deepEqual(await stand.cellsThatOpen(), []);
  zap.close();
});
