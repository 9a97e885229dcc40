export { choose, type Choice, type Chosen } from './choose.ts';
export { chosenEnforcers } from './enforcers/chosen.ts';
export type { Change, Enforcer } from './enforcers/enforcer.ts';
export { Notes } from './notes.ts';
