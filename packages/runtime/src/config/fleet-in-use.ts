import { readFleetNote, type FleetNote } from '../handover/fleet-note.ts';
import { bakedFleet } from './baked.ts';

/**
 * The generation that this host goes by: the one that answered it last, until the one of these programs does. Hosts may so be
 * upgraded before their server is. Undefined where nothing is baked in: then client.toml says where the servers are.
 */
export function fleetInUse({ fleetNote }: { fleetNote: string }): FleetNote | undefined {
  return bakedFleet && (readFleetNote(fleetNote) ?? bakedFleet);
}
