/** Hosts that are admitted by one piece of the ledger's queue, which reports wait for. */
export const MOST_ADMITTED = 500;

/** What became of a line: `admitted` is new, `approved` waited for an operator, `already` was in. `says` is for people. */
export type AdmittedHost = {
  line: number;
  name: string;
  key: string;
  outcome: 'admitted' | 'approved' | 'already';
  says: string;
};

/** Why a line is not taken; `line` is where it cannot be read, `host` where it may not be. */
export type LineFault = { line: number; fault: string; code: 'line' | 'host' };

/** Where any line has a fault no host is admitted. */
export type Admitting = { hosts: AdmittedHost[]; faults: LineFault[] };
