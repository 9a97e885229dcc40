import type { Report } from '@banshare/protocol';
import { span } from '../words/phrases.ts';

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

/** How many hosts have reported it of how many that must, and which: for people. */
export function sayVotes(rule: QuorumRule, voters: readonly { name: string }[]): string {
  const names = [...new Set(voters.map(({ name }) => name))];
  return `${names.length} of ${rule.reporters} hosts within ${span(rule.withinSeconds)}: ${names.join(', ')}`;
}

function fits(pattern: string, name: string): boolean {
  return pattern === '*' || pattern === name;
}
