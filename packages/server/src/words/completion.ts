/** What completion can ask a server for: names of hosts, of those that wait, jails, generations, banned addresses, what is never banned, tokens. */
export const WORDS_OF = ['hosts', 'waiting', 'jails', 'generations', 'bans', 'never-ban', 'tokens'] as const;
export type WordsOf = (typeof WORDS_OF)[number];

/** So many words are answered at most: a person reads no more, and types a letter more. */
export const MOST_WORDS = 200;
