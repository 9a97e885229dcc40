/** A ban as fail2ban logs it; at is epoch seconds, undefined where the line begins with no time of fail2ban's form. */
export type LoggedBan = { jail: string; ip: string; at: number | undefined };

/** `… NOTICE  [sshd] Ban 203.0.113.9`: never Unban, never Restore Ban; other words may be told by whoever writes to the log. */
const BAN =
  /^\S+ \S+\s+fail2ban\.actions\s*\[\d+\]:\s+NOTICE\s+\[([A-Za-z0-9][A-Za-z0-9_.-]{0,63})\]\s+Ban\s+(\S{1,45})\s*$/;

/** Reads a line of fail2ban.log; undefined for all that is no new ban. */
export function readLogLine(line: string): LoggedBan | undefined {
  const [, jail, ip] = BAN.exec(line) ?? [];
  return jail === undefined || ip === undefined ? undefined : { jail, ip, at: timeOf(line) };
}

/** fail2ban writes the time of its host's zone. */
function timeOf(line: string): number | undefined {
  const [, date, time, milliseconds] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),(\d{3}) /.exec(line) ?? [];
  const seconds = Date.parse(`${date}T${time}.${milliseconds}`) / 1000;
  return Number.isNaN(seconds) ? undefined : seconds;
}
