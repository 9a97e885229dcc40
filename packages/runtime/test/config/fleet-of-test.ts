import type { Fleet } from '@banshare/runtime';

/** A fleet as a generation has it. */
export const FLEET: Fleet = {
  generation: '20261121T104500Z-a1b2c3',
  created: '2026-11-21T10:45:00Z',
  servers: ['bans.example.org'],
  reportPort: 23_456,
  publishPort: 24_567,
  serverPublicKey: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7',
  banCommand: `/usr/bin/env 'a "b" \\c' SRCIP`,
};
