/** One line for what a TOML parser threw; its own message is a drawing of several lines. */
export function tomlFault(error: unknown): string {
  if (!(error instanceof Error)) return 'it is not TOML';
  const what = (error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
  const at = error as { line?: number; column?: number };
  return at.line === undefined ? what : `line ${at.line}, column ${at.column}: ${what}`;
}
