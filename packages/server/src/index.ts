export { judge, judgeUnban, type Policy, type PublishedBan, type Verdict } from './judge.ts';
