import type { Outcome } from './install-host.ts';
import { titleOf } from './progress.ts';
import { isFailure } from './roll-out.ts';
import { isOn, type KnownHost } from './server-view.ts';

/** Where a destination of the list is, by what the server says. */
export type Standing = { readonly outcome: Outcome; readonly isThere: boolean; readonly words: string };

const MOST_NAMES = 50;

/** Compares what was done with what the server sees. A client is there only when the server has heard it. */
export function standingsOf(
  outcomes: readonly Outcome[],
  hosts: readonly KnownHost[],
  generation: string,
): Standing[] {
  return outcomes.map((outcome) => {
    const { role, how, name } = outcome;
    if (role === 'server')
      return { outcome, isThere: how === 'installed' || how === 'already', words: 'the server' };
    const host = hosts.find((each) => each.name === name);
    if (host !== undefined) return { outcome, isThere: isOn(host, generation), words: seenAs(host) };
    const words = name === '' ? 'not enrolled, as far as is known' : 'the server does not know it';
    return { outcome, isThere: false, words };
  });
}

/** The summary as lines: who is where, what is left, and which other hosts the server knows. */
export function showStandings(
  standings: readonly Standing[],
  hosts: readonly KnownHost[],
  generation: string,
): string[] {
  const there = standings.filter(({ isThere }) => isThere);
  const left = standings.filter(({ isThere }) => !isThere);
  const named = new Set(standings.map(({ outcome }) => outcome.name));
  const others = hosts.filter((host) => !named.has(host.name) && !isOn(host, generation));
  const more = others.length > MOST_NAMES ? [`  and ${others.length - MOST_NAMES} more`] : [];
  return [
    '',
    `Generation ${generation}, as its server sees it: ${there.length} of ${standings.length} are there.`,
    ...there.map(
      (each) => `  ok    ${line(each)}${isFailure(each.outcome) ? `; but ${lastOf(each.outcome)}` : ''}`,
    ),
    ...left.map((each) => `  LEFT  ${line(each)}; ${lastOf(each.outcome)}`),
    ...others.slice(0, MOST_NAMES).map((host) => `  other ${seenAs(host)}: not among these`),
    ...more,
  ];
}

/** The summary when the server cannot be asked: what the hosts themselves said. */
export function showUnseen(outcomes: readonly Outcome[], why: string): string[] {
  return [
    '',
    `Who is where is not known: ${why}`,
    ...outcomes.map((each) => `  ${titleOf(each)}: ${lastOf(each)}`),
  ];
}

function line({ outcome, words }: Standing): string {
  return `${titleOf(outcome)}: ${words}`;
}

function seenAs({ name, state, generation, isBehind }: KnownHost): string {
  return `${name}, ${state}, generation ${generation ?? 'unknown'}${isBehind ? ', behind or silent' : ''}`;
}

function lastOf({ how, words }: Outcome): string {
  return `${how === 'waiting' ? 'not begun' : how}: ${words}`;
}
