/** What the words of a command are filled with. */
export type Filling = {
  ip: string;
  jail: string;
  prog: string;
  port: string;
  protocol: string;
  /** -1 is for ever. */
  seconds: number;
};

/** Not inside a longer word of capitals: PORTSCAN is a name, no port. */
const PLACEHOLDER = /(?<![A-Z0-9])(SRCIP|JAIL|PROG|PORT|PROTOCOL|SECONDS)(?![A-Z0-9])/g;

/**
 * Fills the placeholders inside the words of a command, in one pass: what a placeholder was replaced with is never looked at
 * again, and never becomes another word.
 */
export function fillWords(words: readonly string[], filling: Filling): string[] {
  const values: Readonly<Record<string, string>> = {
    SRCIP: filling.ip,
    JAIL: filling.jail,
    PROG: filling.prog,
    PORT: filling.port,
    PROTOCOL: filling.protocol,
    SECONDS: String(filling.seconds),
  };
  return words.map((word) => word.replace(PLACEHOLDER, (name) => values[name] ?? name));
}
