export { Spool, type Waiting } from './spool.ts';
