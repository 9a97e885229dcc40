import type { ExitCode } from '@banshare/runtime';

/** The end of one report: its exit code and the sentence for stderr, if there is something to say. */
export type Ending = { code: ExitCode; says?: string };
