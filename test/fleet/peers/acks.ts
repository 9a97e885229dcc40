import type { AckRequest } from '@banshare/protocol';

/** An acknowledgement of a host that tells nothing but what a test wants told. */
export function ackOf(told: Partial<AckRequest> = {}): AckRequest {
  return {
    kind: 'ack',
    epoch: 'e',
    applied: 0,
    tail: '',
    instance: 'i',
    version: '0.1.0',
    generation: 'g',
    addresses: [],
    outcomes: [],
    ...told,
  };
}
