/**
 * Where the chaos tests kill a program: `BANSHARE_FAILPOINT=NAME:N` kills it, as a power cut would, when it passes the point
 * for the N-th time. Without that variable nothing is looked at but a constant.
 */
const [wanted, count] = (process.env['BANSHARE_FAILPOINT'] ?? '').split(':');
let left = Number(count ?? 1);

/** A point that a test may choose for the process to die at. */
type Failpoint =
  | 'before-commit'
  | 'after-commit'
  | 'before-answer'
  | 'before-publish'
  | 'applied'
  | 'before-rename'
  | 'after-rename'
  | 'before-removal'
  | 'answered'
  | 'rotating';

/** Dies here if a test wants it so. */
export function failpoint(name: Failpoint): void {
  if (wanted !== name) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
}
