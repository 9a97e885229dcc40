const BAR = 20;

/** How far something of many parts is, in at most 60 columns: a bar, the rate and the time left; seconds since the start. */
export function progressLine(done: number, all: number, seconds: number): string {
  const share = all === 0 ? 1 : done / all;
  const filled = Math.round(share * BAR);
  const bar = '#'.repeat(filled) + '-'.repeat(BAR - filled);
  const rate = seconds > 0 ? done / seconds : 0;
  const left = rate > 0 ? `${Math.ceil((all - done) / rate)} s left` : '';
  return `[${bar}] ${done} of ${all}, ${Math.round(rate)}/s, ${left}`.padEnd(60).slice(0, 60);
}
