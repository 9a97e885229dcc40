import type { HostBook } from './hosts.ts';
import { span } from '../words/phrases.ts';
import { type Host, SILENT_SECONDS } from '../words/hosts/host.ts';

/** The host that has a name which another asks for. `heardAt`: when it last said anything; epoch seconds. */
export type Namesake = {
  name: string;
  heardAt: number;
  /** It spoke since the other one came, or a moment ago. A host that was reinstalled has lost its old key: that one is silent. */
  isAlive: boolean;
};

/** Who has the name that a host asks for; undefined where nobody else has it, or only one that is shut out already. */
export function namesakeOf(
  host: Host,
  book: Pick<HostBook, 'like'>,
  now: number,
): { other: Host; namesake: Namesake } | undefined {
  const other = host.name === host.wanted ? undefined : book.like(host.wanted);
  if (other === undefined || other === host || other.state === 'revoked') return undefined;
  const heardAt = Math.max(other.lastSeen ?? other.enrolled, other.heardAt ?? 0);
  const isAlive = heardAt > host.enrolled || now - heardAt <= SILENT_SECONDS;
  return { other, namesake: { name: other.name, heardAt, isAlive } };
}

/** What approving a host would do to the one whose name it asks for, in words for people. */
export function sayNamesake(name: string, { name: other, heardAt, isAlive }: Namesake, now: number): string {
  const since = span(now - heardAt);
  return isAlive
    ? `${other} is another host, heard of ${since} ago, and stays; hosts approve ${name} --replace hands the name over and REVOKES that one`
    : `hosts approve ${name} hands it the name ${other}, and REVOKES the host that has it, silent for ${since}`;
}
