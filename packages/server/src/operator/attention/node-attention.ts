import type { NodeBuild } from '@banshare/protocol';
import { MOST_SINGLE, span, time } from '../../words/phrases.ts';
import { nodeBuild, someOf } from '@banshare/runtime';
import type { Entry, Facts } from './facts.ts';

/** So long after a Node was known to be the newest there is a later one with its security fixes for certain, as good as always. */
const OLD_SECONDS = 90 * 86_400;

/** What is known of a host's Node: where it tells no day itself, that of the same version here. */
export function nodeOf(
  told: NodeBuild | null,
  own: NodeBuild = nodeBuild,
): { node: string | null; nodeAsOf: number | null } {
  if (told === null) return { node: null, nodeAsOf: null };
  const isSame = told.version === own.version;
  return { node: told.version, nodeAsOf: told.asOf ?? (isSame ? own.asOf : undefined) ?? null };
}

/** What this server runs on, and the hosts whose Node is old; one of which that is unknown is not. Now is epoch seconds. */
export function nodeFacts(
  hosts: readonly { name: string; node: string | null; nodeAsOf: number | null }[],
  now: number,
): Pick<Facts, 'node' | 'oldNodes'> {
  return {
    node: { version: nodeBuild.version, asOf: nodeBuild.asOf ?? null },
    oldNodes: hosts.flatMap(({ name, node, nodeAsOf: asOf }) =>
      node !== null && asOf !== null && now - asOf > OLD_SECONDS ? [{ name, version: node, asOf }] : [],
    ),
  };
}

/** A runtime that nobody has updated for long: the server's own, and those of hosts. */
export function oldNode({ node, oldNodes: hosts, now }: Facts): Entry[] {
  const how = 'make node-update, and install anew what that makes (make deploy)';
  const when = (asOf: number): string =>
    `was the newest until ${time(asOf).slice(0, 10)}, ${span(now - asOf)} ago`;
  const own =
    node.asOf !== null && now - node.asOf > OLD_SECONDS
      ? [`This server runs on Node ${node.version}, which ${when(node.asOf)}: ${how}`]
      : [];
  const theirs =
    hosts.length > MOST_SINGLE
      ? [
          `${hosts.length} hosts run on a Node that is not the newest for more than ${span(OLD_SECONDS)}: ${someOf(hosts.map(({ name, version }) => `${name} (${version})`))}; ${how}`,
        ]
      : hosts.map(
          ({ name, version, asOf }) => `${name} runs on Node ${version}, which ${when(asOf)}: ${how}`,
        );
  return [...own, ...theirs].map((text) => ({ code: 'old-node', text }));
}
