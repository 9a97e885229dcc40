import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { coveredByMac, signedText } from '@banshare/protocol';
import { readIncoming } from '../src/index.ts';

const ID = Buffer.from([0, 1, 2, 3, 4]);
const EMPTY = Buffer.alloc(0);

function frames(...parts: (string | Buffer)[]): Buffer[] {
  return parts.map((part) => Buffer.from(part));
}

test('readIncoming() takes three frames after the first empty one, and keeps what stood before it', () => {
  for (const envelope of [
    frames(ID, EMPTY),
    frames(ID, 'request 1', EMPTY),
    frames(ID, 'a', 'b', 'c', EMPTY),
  ]) {
    assert.deepEqual(readIncoming([...envelope, ...frames('sync', '{}', 'signature')]), {
      envelope,
      subject: 'sync',
      body: '{}',
      signed: Buffer.from('banshare/1\0sync\0{}'),
      signature: Buffer.from('signature'),
    });
  }
});

test('readIncoming() gives nothing back of an envelope that is longer than any way back', () => {
  const after = frames(EMPTY, 'sync', '{}', 'signature');
  const most = frames(ID, ...Array<string>(7).fill('x'.repeat(255)));
  assert.ok(!('fault' in readIncoming([...most, ...after])));
  for (const before of [
    [...most, Buffer.from('x')],
    frames(ID, 'x'.repeat(256)),
    frames(ID, ...Array<string>(40_000).fill('x')),
  ])
    assert.deepEqual(readIncoming([...before, ...after]), {
      envelope: [ID],
      fault: 'before the empty frame stand at most 8 frames of 255 bytes each',
    });
});

test('readIncoming() takes empty subjects and bodies for what they are', () => {
  const read = readIncoming(frames(ID, EMPTY, EMPTY, EMPTY, EMPTY));
  assert.ok(!('fault' in read));
  assert.deepEqual([read.subject, read.body, read.signature.length], ['', '', 0]);
});

const UNREADABLE: [what: string, after: Buffer[], fault: RegExp][] = [
  ['no delimiter', frames('sync', '{}', 'signature'), /^no empty frame/],
  ['nothing after the delimiter', frames(EMPTY), /this one has 0$/],
  ['the original’s single frame', frames(EMPTY, 'fail2ban;sshd;203.0.113.9;h1'), /this one has 1$/],
  ['no signature', frames(EMPTY, 'sync', '{}'), /this one has 2$/],
  ['a fourth frame', frames(EMPTY, 'sync', '{}', 'signature', 'more'), /this one has 4$/],
  ['a long subject', frames(EMPTY, 'x'.repeat(513), '{}', 'signature'), /513 bytes, longer than 512$/],
  ['a subject that is not UTF-8', frames(EMPTY, Buffer.from([0xff]), '{}', 'signature'), /must be UTF-8$/],
  [
    'a body that is not UTF-8',
    frames(EMPTY, 'sync', Buffer.from([0xc0, 0x80]), 'signature'),
    /must be UTF-8$/,
  ],
  [
    'half of a surrogate pair',
    frames(EMPTY, 'sync', Buffer.from([0xed, 0xa0, 0x80]), 'sig'),
    /must be UTF-8$/,
  ],
];
for (const [what, after, fault] of UNREADABLE) {
  test(`readIncoming() says what is wrong with ${what}`, () => {
    const read = readIncoming([ID, ...after]);
    assert.ok('fault' in read);
    assert.match(read.fault, fault);
    assert.deepEqual(read.envelope, after[0]?.length === 0 ? [ID, EMPTY] : [ID]);
  });
}

test('readIncoming() gives to the signature check exactly the bytes that were signed, and to that of a MAC those under its label', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 100 }),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('signature', 'm'.repeat(32), 's'.repeat(64)),
      (subject, body, signature) => {
        const read = readIncoming(frames(ID, EMPTY, subject, body, signature));
        assert.ok(!('fault' in read));
        assert.deepEqual([read.subject, read.body], [subject, body]);
        const covered = signature.length === 32 ? coveredByMac : signedText;
        assert.deepEqual(read.signed, Buffer.from(covered(subject, body)));
      },
    ),
  );
});

test('readIncoming() never throws, whatever the frames are, and echoes the routing id', () => {
  const frame = fc.oneof(
    fc.constant(EMPTY),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), (rest) => {
      assert.deepEqual(readIncoming([ID, ...rest]).envelope[0], ID);
    }),
  );
});
