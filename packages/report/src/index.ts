export { Spool, type Waiting } from './spool/spool.ts';
