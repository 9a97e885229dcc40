import type { Address, JailName, ProgName } from '@banshare/protocol';

/** One thing to do on this host. seconds is how long the ban still lasts, -1 for ever. */
export type Change = {
  kind: 'ban' | 'unban';
  ip: Address;
  prog: ProgName;
  jail: JailName;
  localJail: JailName;
  seconds: number;
  port: string;
  protocol: string;
};

/**
 * What came of it; localJail is where it was done, which may be the missing-jail. `released`: an unban found nothing, this
 * host's own fail2ban or a person had ended the ban before.
 */
export type Effect =
  | { outcome: 'applied' | 'already' | 'released'; localJail: JailName }
  | { outcome: 'skipped' | 'failed'; reason: string; localJail: JailName };

/** Carries out bans on this host. Expected failures are effects, never exceptions. */
export type Enforcer = {
  readonly kind: string;
  carryOut(change: Change): Promise<Effect>;
};
