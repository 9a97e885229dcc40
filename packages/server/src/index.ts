export { judge, judgeUnban, type Policy } from './judging/judge.ts';
export type { PublishedBan, Verdict } from './words/verdict.ts';
