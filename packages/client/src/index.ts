export { choose, type Choice, type Chosen } from './choose.ts';
