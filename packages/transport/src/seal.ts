import { encodeRequest, signedText, type Envelope, type RequestKind } from '@banshare/protocol';
import type { Signer } from './signature.ts';

/** A request ready to be sent: its frames, and the id that its answer must carry. */
export type Sealed = { id: string; subject: string; body: string; signature: Buffer };

/** Signs a request as the host whose key the envelope names. */
export function seal(envelope: Envelope, request: RequestKind, signer: Signer): Sealed {
  const { subject, body } = encodeRequest(envelope, request);
  return { id: envelope.id, subject, body, signature: signer.sign(signedText(subject, body)) };
}
