/** One line for what a TOML parser threw; its own message is a drawing of several lines. */
export function tomlFault(error: unknown): string {
  if (!(error instanceof Error)) return 'it is not TOML';
  const what = (error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
  // What nobody who is in a hurry guesses from these two words.
  const hint =
    what === 'invalid value' ? ' (a text stands in quotes: "text"; yes and no are true and false)' : '';
  const at = error as { line?: number; column?: number };
  return at.line === undefined ? what : `line ${at.line}, column ${at.column}: ${what}${hint}`;
}
