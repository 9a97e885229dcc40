import type { Fleet } from './fleet.ts';

declare const __BANSHARE_FLEET__: Fleet | undefined;
declare const __BANSHARE_VERSION__: string | undefined;

/** What the build knows of its fleet; undefined where the source runs unbundled. */
export const bakedFleet: Fleet | undefined =
  typeof __BANSHARE_FLEET__ === 'undefined' ? undefined : __BANSHARE_FLEET__;

/** The version of this program. */
export const version: string =
  typeof __BANSHARE_VERSION__ === 'undefined' ? '0.0.0-development' : __BANSHARE_VERSION__;
