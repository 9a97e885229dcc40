import { utf8Length } from '../words/json.ts';
import type { FieldReader } from '../words/json.ts';

/** Bytes of UTF-8 that a report says of evidence at most. */
export const EVIDENCE_BYTES = 1024;
/** Its bytes in JSON at most, where control characters and semicolons take six: a body has 4,096 in all. */
const ENCODED_BYTES = 2048;

/**
 * The beginning of what a detector saw, as much as a report may carry and in whole characters; undefined where it is empty. It is
 * whatever an attacker wrote: it steers nothing, and whoever shows it escapes it.
 */
export function cutEvidence(text: string): string | undefined {
  let [bytes, encoded, end] = [0, 0, 0];
  for (const character of text) {
    const length = utf8Length(character);
    bytes += length;
    encoded += isEscaped(character) ? 6 : length + 1;
    if (bytes > EVIDENCE_BYTES || encoded > ENCODED_BYTES) break;
    end += character.length;
  }
  const cut = text.slice(0, end).trim();
  return cut === '' ? undefined : cut;
}

/** Whether JSON on the wire has six bytes for it; half a surrogate pair is one too. */
function isEscaped(character: string): boolean {
  const isHalf = character.length === 1 && character >= '\ud800' && character <= '\udfff';
  return character < ' ' || character === ';' || isHalf;
}

/** What a report says of evidence; undefined where it says none, or too much: a ban counts more. */
export function readEvidence(read: FieldReader): string | undefined {
  const evidence = read.described('evidence', (own) => own.text('evidence', EVIDENCE_BYTES));
  return evidence === undefined || evidence === '' || utf8Length(evidence) > EVIDENCE_BYTES
    ? undefined
    : evidence;
}
