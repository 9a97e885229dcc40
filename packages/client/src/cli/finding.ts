import { HEADS } from '@banshare/runtime';

/** One thing looked at: whether it is as it should be, and what to do where it is not. A warning is no fault, and is to be seen. */
export type Finding = { ok: boolean; says: string; isWarning?: boolean };

/** A finding for a person. */
export function showFinding({ ok, says, isWarning }: Finding): string {
  return `${ok && isWarning !== true ? ' ok ' : HEADS.warning} ${says}`;
}
