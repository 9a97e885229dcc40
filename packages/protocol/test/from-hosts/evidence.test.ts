import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BODY_LIMIT, cutEvidence, encodeRequest, EVIDENCE_BYTES, parseRequest } from '../../src/index.ts';
import { envelope, request } from '../values.ts';

test('cutEvidence() keeps the beginning in whole characters, as much as a report may carry', () => {
  assert.equal(cutEvidence('x'.repeat(5000)), 'x'.repeat(EVIDENCE_BYTES));
  assert.equal(cutEvidence('é'.repeat(5000)), 'é'.repeat(EVIDENCE_BYTES / 2));
  assert.equal(cutEvidence('😀'.repeat(5000)), '😀'.repeat(EVIDENCE_BYTES / 4));
  assert.equal(cutEvidence(`x${'é'.repeat(5000)}`)?.length, 1 + (EVIDENCE_BYTES - 2) / 2);
  for (const empty of ['', ' \n\n']) assert.equal(cutEvidence(empty), undefined);
  assert.equal(cutEvidence('  a\n b \n'), 'a\n b');
});

test('a report with the longest of everything and any evidence that was cut is read again as it was written', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 3000 }),
    fc
      .array(fc.constantFrom('\u0000', '\u001b', ';', '"', '\\', '\ud800', '\u2028', '😀', 'a'), {
        maxLength: 3000,
      })
      .map((all) => all.join('')),
    fc.constantFrom(';'.repeat(3000), '\u0001'.repeat(3000), '\ud800'.repeat(3000), '"'.repeat(3000)),
  );
  const reports = request.filter(({ kind }) => kind === 'report');
  fc.assert(
    fc.property(envelope, reports, hostile, (head, kind, text) => {
      assert.ok(kind.kind === 'report');
      const { evidence: _, ...report } = kind.report;
      const cut = cutEvidence(text);
      const said = { ...kind, report: cut === undefined ? report : { ...report, evidence: cut } };
      const { subject, body } = encodeRequest(head, said);
      assert.ok(Buffer.byteLength(body) <= BODY_LIMIT);
      assert.deepEqual(parseRequest(subject, body), { ok: true, value: { ...head, ...said } });
    }),
    { numRuns: 500 },
  );
});
