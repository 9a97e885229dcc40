/** What a daemon tells the child that serves its metrics; `measures` null where they cannot be had now. */
export type ToMetrics =
  { word: 'open'; address: string; port: number } | { word: 'measures'; measures: unknown };

/** What that child tells its daemon. */
export type FromMetrics =
  { word: 'opened'; port: number } | { word: 'failed'; reason: string } | { word: 'ask' };
