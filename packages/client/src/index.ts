export { choose } from './decide/choose.ts';
export type { Choice, Chosen } from './bans/choice.ts';
export { buildEnforcers } from './host-enforcer/build.ts';
export type { Enforcer } from './enforcers/enforcer.ts';
export type { Change } from './bans/change.ts';
export { Notes } from './host/echo-notes.ts';
