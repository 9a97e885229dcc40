import { MAC_BYTES } from './keys/mac.ts';

/** The frames of a request as they came: the envelope leads the answer back to the peer. */
export type Incoming = {
  envelope: Buffer[];
  subject: string;
  body: string;
  /** The bytes that the signature covers, or the MAC that stands there instead: each has a label of its own. */
  signed: Buffer;
  signature: Buffer;
};

/** What a peer sent that is no request; without an envelope there is no way to answer it. */
export type Unreadable = { envelope: Buffer[]; fault: string };

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LONGEST_SUBJECT = 512;
/**
 * What may stand before the empty frame, the peer's routing id counted in: it goes back with every answer, as often as it is asked for, also where
 * nothing was signed.
 */
const MOST_IN_ENVELOPE = 8;
const LONGEST_IN_ENVELOPE = 255;
const LABEL = Buffer.from('banshare/1\0');
const MAC_LABEL = Buffer.from('banshare/mac/1\0');

/** Splits the frames that a ROUTER received: the peer's routing id and envelope, an empty frame, subject, body, signature. */
export function readIncoming(frames: readonly Buffer[]): Incoming | Unreadable {
  const delimiter = frames.findIndex((frame, index) => index > 0 && frame.length === 0);
  if (delimiter < 0) {
    return {
      envelope: frames.slice(0, 1),
      fault: 'no empty frame before the subject: send from a REQ or add it to a DEALER',
    };
  }
  const envelope = frames.slice(0, delimiter + 1);
  if (delimiter > MOST_IN_ENVELOPE || envelope.some(({ length }) => length > LONGEST_IN_ENVELOPE)) {
    return {
      envelope: frames.slice(0, 1),
      fault: `before the empty frame stand at most ${MOST_IN_ENVELOPE} frames of ${LONGEST_IN_ENVELOPE} bytes each`,
    };
  }
  const [subject, body, signature, ...more] = frames.slice(delimiter + 1);
  if (subject === undefined || body === undefined || signature === undefined || more.length > 0) {
    const count = frames.length - delimiter - 1;
    return { envelope, fault: `a request is three frames (subject, body, signature), this one has ${count}` };
  }
  if (subject.length > LONGEST_SUBJECT) {
    return { envelope, fault: `the subject is ${subject.length} bytes, longer than ${LONGEST_SUBJECT}` };
  }
  try {
    const text = { subject: UTF8.decode(subject), body: UTF8.decode(body) };
    const signed = Buffer.concat([
      signature.length === MAC_BYTES ? MAC_LABEL : LABEL,
      subject,
      Buffer.from([0]),
      body,
    ]);
    return { envelope, ...text, signed, signature };
  } catch {
    return { envelope, fault: 'subject and body must be UTF-8' };
  }
}
