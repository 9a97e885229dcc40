/** Something that the server cannot do: since when, epoch seconds, and why. */
export type Outage = { since: number; reason: string };
