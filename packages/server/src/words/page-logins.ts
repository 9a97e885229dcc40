/** Codes of one question: each is looked up in a moment. */
export const MOST_CODES = 1000;

/** What the page answers whom a code does not let in, and whom others do; null for a code that lets nobody in. */
export type PageLogins = { names: (string | null)[]; refusal: string };
