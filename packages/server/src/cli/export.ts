import type { ShownBan } from './show/show.ts';

/** `lines`: addresses; `csv`: ours; `crowdsec`: what `cscli decisions import` reads; `json`: its other form. */
export type ExportForm = 'lines' | 'csv' | 'crowdsec' | 'json';

/** Writes active bans in a form that import reads back; now is epoch seconds. */
export function exportBans(bans: readonly ShownBan[], form: ExportForm, now: number): string {
  const rows = bans.map(({ ip, prog, jail, until }) => ({
    ip,
    seconds: until === null ? -1 : Math.max(1, Math.ceil(until - now)),
    reason: `${prog}/${jail}`,
  }));
  switch (form) {
    case 'lines':
      return [...new Set(rows.map(({ ip }) => ip))].join('\n');
    case 'csv':
      return [
        'address,duration,reason',
        ...rows.map(({ ip, seconds, reason }) => `${ip},${seconds},${reason}`),
      ].join('\n');
    case 'crowdsec':
      return [
        'duration,reason,scope,type,value',
        ...rows.map(
          ({ ip, seconds, reason }) => `${crowdsecSpan(seconds)},${reason},${scopeOf(ip)},ban,${ip}`,
        ),
      ].join('\n');
    case 'json':
      return JSON.stringify(
        rows.map(({ ip, seconds, reason }) => ({
          value: ip,
          scope: scopeOf(ip),
          type: 'ban',
          duration: crowdsecSpan(seconds),
          reason,
        })),
      );
  }
}

/** CrowdSec's word for what is banned. */
function scopeOf(ip: string): string {
  return ip.includes('/') ? 'Range' : 'Ip';
}

/** CrowdSec knows no "for ever": a hundred years are as good. */
function crowdsecSpan(seconds: number): string {
  return seconds === -1 ? '876000h' : `${seconds}s`;
}
