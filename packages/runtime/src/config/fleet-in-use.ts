import { readFileSync } from 'node:fs';
import { readFleetNote, type FleetNote } from '../handover/fleet-note.ts';
import { newerFleet, parseJoined } from './joined.ts';

type Places = { readonly joined: string; readonly fleetNote: string };

/** The fleet that this host is meant to be in: the one that it joined by a token, or that is baked into the program. */
export function intendedFleet({ joined }: Pick<Places, 'joined'>): FleetNote | undefined {
  let text: string;
  try {
    text = readFileSync(joined, 'utf8');
  } catch {
    // Nearly every host has none.
    return newerFleet(undefined);
  }
  return newerFleet(parseJoined(text));
}

/**
 * The generation that this host goes by: the one that answered it last, until the one that it is meant for does. Hosts may so be
 * upgraded before their server is. Undefined where nothing says where the servers are: then client.toml does.
 */
export function fleetInUse(places: Places): FleetNote | undefined {
  const intended = intendedFleet(places);
  return intended && (readFleetNote(places.fleetNote) ?? intended);
}
