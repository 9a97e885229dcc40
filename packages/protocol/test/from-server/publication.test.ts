import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  encodeEvents,
  encodeHeartbeat,
  eventSubject,
  parsePublication,
  type Event,
  type Publication,
} from '../../src/index.ts';
import { event, hostileText, position } from '../values.ts';
import { vectors } from '../vectors.ts';

type Frames = { name: string; subject: string; body: string };
const table = vectors<{
  publications: (Frames & { publication: Publication })[];
  read: (Frames & { publication: Publication })[];
  faults: Frames[];
}>('publications');

for (const { name, subject, body, publication } of table.publications) {
  test(`"${name}" is encoded as its vector, and parsePublication() reads it`, () => {
    const frames =
      publication.kind === 'heartbeat'
        ? encodeHeartbeat(publication.heartbeat)
        : encodeEvents(publication.events as Event[]);
    assert.deepEqual(frames, [subject, body]);
    assert.deepEqual(parsePublication(subject, body), { ok: true, value: publication });
  });
}

for (const { name, subject, body, publication } of table.read) {
  test(`parsePublication() reads ${name}`, () => {
    assert.deepEqual(parsePublication(subject, body), { ok: true, value: publication });
  });
}

for (const { name, subject, body } of table.faults) {
  test(`parsePublication() refuses ${name}`, () => {
    const result = parsePublication(subject, body);
    assert.equal(result.ok, false);
    assert.match(result.fault, /^[\x20-\x7e…]{1,300}$/);
  });
}

test('parsePublication() reads what encodeEvents() wrote, alone and in a batch', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 5 }), (events) => {
      const [subject, body] = encodeEvents(events);
      assert.equal(body.includes(';'), false);
      assert.equal(subject === 'batch', events.length !== 1);
      assert.deepEqual(parsePublication(subject, body), { ok: true, value: { kind: 'events', events } });
    }),
  );
});

test('parsePublication() reads what encodeHeartbeat() wrote', () => {
  fc.assert(
    fc.property(position, fc.nat(), (position, now) => {
      const heartbeat = { ...position, now };
      const [subject, body] = encodeHeartbeat(heartbeat);
      assert.deepEqual(parsePublication(subject, body), {
        ok: true,
        value: { kind: 'heartbeat', heartbeat },
      });
    }),
  );
});

test('the subject of a ban is prog;jail;ip;host with three semicolons, of an unban or a range four words', () => {
  fc.assert(
    fc.property(event, (value) => {
      const subject = eventSubject(value);
      const { prog, jail, ip, host, kind } = value;
      const ofRange = ip.includes('/') ? '-range' : '';
      if (kind === 'ban' && ofRange === '') assert.deepEqual(subject.split(';'), [prog, jail, ip, host]);
      else assert.deepEqual(subject.split(' '), [`${kind}${ofRange}`, prog, jail, ip]);
    }),
  );
});

test('parsePublication() never throws, and its names hold no separator, line break or control character', () => {
  const hostileEvent = fc
    .tuple(
      event,
      fc.constantFrom('ip', 'prog', 'jail', 'host', 'epoch', 'port'),
      fc.string({ unit: 'binary' }),
    )
    .map(([value, name, text]) => JSON.stringify({ v: 1, ...value, [name]: text }));
  const subject = fc.oneof(fc.constantFrom('batch', 'heartbeat', 'a;b;c;d'), fc.string());
  fc.assert(
    fc.property(subject, fc.oneof(hostileEvent, hostileText), (text, body) => {
      const result = parsePublication(text, body);
      if (!result.ok || result.value.kind !== 'events') return;
      for (const item of result.value.events) {
        assert.match(item.epoch, /^[\x21-\x3a\x3c-\x7e]*$/);
        if (item.kind === 'unknown') continue;
        for (const name of [item.prog, item.jail, item.ip, item.host])
          assert.match(name, /^[A-Za-z0-9_.:-]+$/);
      }
    }),
    { numRuns: 3000 },
  );
});

test('a batch of more than 10,000 events is refused', () => {
  assert.equal(parsePublication('batch', `[${'{},'.repeat(10_000)}{}]`).ok, false);
});
