import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Dealer } from 'zeromq';
import { isCurveKey } from '@banshare/protocol';
import { decodeZ85, encodeZ85 } from '../../src/keys/z85.ts';
import { bytesOfZ85 } from '../../../../test/fleet/peers/z85.ts';

test('encodeZ85() writes the example of ZeroMQ RFC 32', () => {
  assert.equal(encodeZ85(Buffer.from('864fd26fb559f75b', 'hex')), 'HelloWorld');
});

test('encodeZ85() writes 32 bytes as a key that isCurveKey() knows, and that reads as the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 40, maxLength: 40 }), (bytes) => {
      const part = bytes.subarray(4, 36);
      const text = encodeZ85(part);
      assert.ok(isCurveKey(text));
      for (const read of [bytesOfZ85, decodeZ85])
        assert.deepEqual(new Uint8Array(read(text)), new Uint8Array(part));
    }),
  );
});

test('isCurveKey() agrees with libzmq at the edge of 32 bits', () => {
  const socket = new Dealer({ linger: 0 });
  for (const text of ['%nSc0', '%nSc1', '00000', '#####'].map((group) => group.padStart(40, '0'))) {
    const use = (): void => {
      socket.curveServerKey = text;
    };
    if (isCurveKey(text)) use();
    else assert.throws(use, { code: 'EINVAL' });
  }
  socket.close();
});
