import type { Report } from '@banshare/protocol';

/** So many different hosts must report an address within so many seconds; '*' stands for every prog or jail. */
export type QuorumRule = { prog: string; jail: string; reporters: number; withinSeconds: number };

/** The first rule that speaks of a report's prog and jail. */
export function quorumFor(
  report: Pick<Report, 'prog' | 'jail'>,
  rules: readonly QuorumRule[],
): QuorumRule | undefined {
  return rules.find(({ prog, jail }) => fits(prog, report.prog) && fits(jail, report.jail));
}

/** Whether these voters and the reporting host are enough. */
export function isQuorate(rule: QuorumRule, voters: readonly number[], reporter: number): boolean {
  return new Set([...voters, reporter]).size >= rule.reporters;
}

function fits(pattern: string, name: string): boolean {
  return pattern === '*' || pattern === name;
}
