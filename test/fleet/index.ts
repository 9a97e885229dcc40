export { BarePeer } from './bare-peer.ts';
export { Fleet, startFleet } from './fleet.ts';
export type { FleetHost } from './host.ts';
export { makeId, Peer } from './peer.ts';
export { takePort } from './ports.ts';
export { Program, runProgram, type Ran } from './program.ts';
export { Folder, makeFleetKeys } from './roots.ts';
export type { FleetServer } from './server.ts';
export { untilAnswered, within } from './within.ts';
