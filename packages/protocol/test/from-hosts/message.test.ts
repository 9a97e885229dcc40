import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  ACK_BODY_LIMIT,
  BODY_LIMIT,
  encodeRequest,
  parseRequest,
  signedText,
  type Envelope,
  type Request,
  type RequestKind,
} from '../../src/index.ts';
import { envelope, hostileText, request } from '../values.ts';
import { vectors } from '../vectors.ts';

type Frames = { name: string; subject: string; body: string };
const table = vectors<{
  requests: (Frames & { request: Request })[];
  read: (Frames & { request: Request })[];
  faults: (Frames & { code: string; id?: string })[];
}>('requests');

for (const { name, subject, body, request: value } of table.requests) {
  test(`encodeRequest() writes "${name}", and parseRequest() reads it`, () => {
    assert.deepEqual(encodeRequest(value, withoutEnvelope(value)), { subject, body });
    assert.deepEqual(parseRequest(subject, body), { ok: true, value });
  });
}

for (const { name, subject, body, request: value } of table.read) {
  test(`parseRequest() reads ${name}`, () => {
    assert.deepEqual(parseRequest(subject, body), { ok: true, value });
  });
}

for (const { name, subject, body, code, id } of table.faults) {
  test(`parseRequest() finds ${name} ${code}`, () => {
    const result = parseRequest(subject, body);
    assert.equal(result.ok, false);
    assert.equal(result.code, code);
    assert.equal(result.id, id);
    assert.match(result.fault, /^[\x20-\x7e…]{1,300}$/);
  });
}

test('parseRequest() reads what encodeRequest() wrote, in frames without a needless semicolon', () => {
  fc.assert(
    fc.property(envelope, request, (head, kind) => {
      const { subject, body } = encodeRequest(head, kind);
      assert.equal(body.includes(';'), false);
      assert.equal(subject.split(';').length, kind.kind === 'report' ? 4 : 1);
      assert.deepEqual(parseRequest(subject, body), { ok: true, value: { ...head, ...kind } });
    }),
    { numRuns: 1000 },
  );
});

test('parseRequest() never throws, whatever subject and body are', () => {
  const subject = fc.oneof(
    fc.constantFrom('sync', 'ack', 'enrol', 'unban', 'rotate', '__proto__', 'fail2ban;sshd;203.0.113.9;h1'),
    fc.string({ unit: 'binary' }),
    fc.array(fc.string(), { minLength: 4, maxLength: 4 }).map((parts) => parts.join(';')),
  );
  fc.assert(
    fc.property(subject, hostileText, (text, body) => {
      const result = parseRequest(text, body);
      if (!result.ok) assert.match(result.fault, /^[\x20-\x7e…]*$/);
    }),
    { numRuns: 3000 },
  );
});

test('no name that parseRequest() gives holds a separator, a line break or a control character', () => {
  const [first] = table.requests;
  assert.ok(first);
  const part = fc.oneof(
    fc.constantFrom('sshd', 'h1', '203.0.113.9'),
    fc.string({ unit: 'binary', maxLength: 5 }),
  );
  fc.assert(
    fc.property(part, part, part, part, (...parts) => {
      const result = parseRequest(parts.join(';'), first.body);
      if (!result.ok || result.value.kind !== 'report') return;
      const { report, sender } = result.value;
      for (const name of [report.prog, report.jail, report.ip, sender])
        assert.match(name, /^[A-Za-z0-9_.:-]+$/);
    }),
    { numRuns: 3000 },
  );
});

test('limits of bodies are in bytes, and the fault names the limit of its subject', () => {
  const bodyOf = (bytes: number, character: string): string => {
    const head = '{"x":"';
    const room = bytes - head.length - 2;
    return `${head}${character.repeat(room / Buffer.byteLength(character))}"}`;
  };
  assert.equal(code('sync', bodyOf(BODY_LIMIT, 'x')), 'malformed');
  assert.equal(code('sync', bodyOf(BODY_LIMIT + 1, 'x')), 'size');
  assert.equal(code('sync', bodyOf(BODY_LIMIT + 2, 'é')), 'size');
  assert.equal(code('ack', bodyOf(ACK_BODY_LIMIT, '😀')), 'malformed');
  assert.equal(code('ack', bodyOf(ACK_BODY_LIMIT + 4, '😀')), 'size');
  assert.deepEqual(parseRequest('ack', 'x'.repeat(ACK_BODY_LIMIT + 1)), {
    ok: false,
    code: 'size',
    fault: 'the body of "ack" is longer than 8192 bytes',
  });
});

test('encodeRequest() takes of a caller only what belongs into a report or unban', () => {
  const head: Envelope = { id: 'ab'.repeat(16), at: 100, key: 'cd'.repeat(32), to: 'x' };
  const spooled = {
    prog: 'psad',
    jail: 'psad',
    ip: '203.0.113.9',
    id: 'another',
    at: 7,
    reason: 'free text',
  };
  const kinds = [
    { kind: 'report', sender: 'h1', report: spooled },
    { kind: 'unban', ban: spooled },
  ] as unknown as RequestKind[];
  for (const kind of kinds) {
    const fields = JSON.parse(encodeRequest(head, kind).body) as Record<string, unknown>;
    assert.equal(fields['at'], 100);
    assert.equal(fields['id'], head.id);
    assert.equal(fields['reason'], undefined);
  }
});

test('signedText() keeps subject and body apart', () => {
  assert.equal(signedText('sync', '{}'), 'banshare/1\0sync\0{}');
  assert.notEqual(signedText('a', 'bc'), signedText('ab', 'c'));
});

function code(subject: string, body: string): string | undefined {
  const result = parseRequest(subject, body);
  return result.ok ? undefined : result.code;
}

function withoutEnvelope(value: Request): RequestKind {
  const { id: _id, at: _at, age: _age, key: _key, to: _to, ...kind } = value;
  return kind;
}
