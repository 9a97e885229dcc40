export { judge, judgeUnban, type Policy } from './judge.ts';
export type { PublishedBan, Verdict } from './words/verdict.ts';
