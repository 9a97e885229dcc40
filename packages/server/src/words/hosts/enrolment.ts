import { time } from '../phrases.ts';

/** `open`: whoever has the join key is in; `approve`: an operator says yes to each; `closed`: nobody. */
export type EnrolmentMode = 'open' | 'approve' | 'closed';

/** `until` is when it stops to be open, epoch seconds; `hasEnded`: it was open, and ended by itself. */
export type Openness = { mode: EnrolmentMode; until: number | null; hasEnded: boolean };

/** How newcomers are met, and until when. */
export function sayOpenness({ mode, until, hasEnded }: Openness): string {
  if (until !== null) return `${mode} until ${time(until)}, then approve`;
  return hasEnded
    ? `${mode}, since it is open for a time only (banshare-server enrolment open --for 2h opens it again)`
    : mode;
}
