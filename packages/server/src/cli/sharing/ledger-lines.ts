/** What server.toml says of a shared log. */
export type LedgerLines = {
  readonly log: string;
  readonly durability: string;
  readonly passwordFile: string | undefined;
};

const KEYS = /^\s*(?:log|durability|password-file)\s*=/;
const DOTTED = /^\s*ledger\.(?:log|durability|password-file)\s*=/;

/** The text of a server.toml with these lines instead of earlier ones, or without any; all else stays as it is. */
export function withLedgerLines(toml: string, lines: LedgerLines | undefined): string {
  let section = '';
  const kept = toml.split('\n').filter((line) => {
    section = /^\s*\[+\s*([^\]]*?)\s*\]/.exec(line)?.[1] ?? section;
    return !(section === 'ledger' ? KEYS.test(line) : section === '' && DOTTED.test(line));
  });
  if (lines === undefined) return kept.join('\n');
  const told = [
    `log = ${JSON.stringify(lines.log)}`,
    `durability = ${JSON.stringify(lines.durability)}`,
    ...(lines.passwordFile === undefined ? [] : [`password-file = ${JSON.stringify(lines.passwordFile)}`]),
  ];
  const at = kept.findIndex((line) => /^\s*\[\s*ledger\s*\]/.test(line));
  if (at >= 0) return kept.toSpliced(at + 1, 0, ...told).join('\n');
  const before = kept.join('\n').trimEnd();
  return `${before}${before === '' ? '' : '\n\n'}[ledger]\n${told.join('\n')}\n`;
}
