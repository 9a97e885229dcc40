import { html } from 'hono/html';
import type { NewsSince } from '../../operator/looking/follow-news.ts';
import { count, isoText, type Html } from './parts.ts';

const MINUTES = 60;
const BAR = 10;
const HEIGHT = 96;
/** A line at the foot for a minute without a ban, so that one sees that there was none. */
const LEAST = 1;

/** Bans in each of the last sixty minutes as bars; minutes are epoch seconds divided by 60. */
export function minuteChart(minutes: NewsSince['minutes'], now: number): Html {
  const current = Math.floor(now / 60);
  const counts = new Map(minutes.map(({ minute, bans }) => [minute, bans]));
  const bars = Array.from({ length: MINUTES }, (_, index) => {
    const minute = current - MINUTES + 1 + index;
    return { minute, bans: counts.get(minute) ?? 0 };
  });
  const most = Math.max(...bars.map(({ bans }) => bans));
  const sum = bars.reduce((total, { bans }) => total + bans, 0);
  const said = `Bans by hosts in each minute of the last hour: ${sum === 0 ? 'none' : `${count(sum, 'ban')} in all, ${most} in the busiest minute, ${bars.at(-1)?.bans ?? 0} in this one`}.`;
  return html`<figure class="chart">
    <svg viewBox="0 0 ${MINUTES * BAR} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${said}">
      ${bars.map(({ minute, bans }, index) => {
        const height = bans === 0 ? LEAST : Math.max(3, (bans / Math.max(most, 4)) * HEIGHT);
        return html`<rect
          x="${index * BAR + 1}"
          y="${(HEIGHT - height).toFixed(1)}"
          width="${BAR - 2}"
          height="${height.toFixed(1)}"
          class="${bans === 0 ? 'none' : ''}"
          ><title>${isoText(minute * 60)}: ${count(bans, 'ban')}</title></rect
        >`;
      })}
    </svg>
    <figcaption>
      <span>1 h ago</span
      ><span>${most === 0 ? 'no ban in this hour' : `at most ${count(most, 'ban')} a minute`}</span
      ><span>now</span>
    </figcaption>
  </figure>`;
}
