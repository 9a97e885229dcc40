import type { NodeBuild } from '@banshare/protocol';

declare const __BANSHARE_NODE__: NodeBuild | undefined;

/**
 * The Node that this program runs on. Node itself has no date: package.json has until when the pinned one was known to be the newest of its
 * major version, which `make node-update` writes and the build takes over. Of another Node than that one nothing is known.
 */
export const nodeBuild: NodeBuild =
  typeof __BANSHARE_NODE__ !== 'undefined' && __BANSHARE_NODE__.version === process.versions.node
    ? __BANSHARE_NODE__
    : { version: process.versions.node };
