/** A ban as fail2ban logs it. */
export type LoggedBan = { jail: string; ip: string };

/** `… NOTICE  [sshd] Ban 203.0.113.9`: never Unban, never Restore Ban; other words may be told by whoever writes to the log. */
const BAN =
  /^\S+ \S+\s+fail2ban\.actions\s*\[\d+\]:\s+NOTICE\s+\[([A-Za-z0-9][A-Za-z0-9_.-]{0,63})\]\s+Ban\s+(\S{1,45})\s*$/;

/** Reads a line of fail2ban.log; undefined for all that is no new ban. */
export function readLogLine(line: string): LoggedBan | undefined {
  const [, jail, ip] = BAN.exec(line) ?? [];
  return jail === undefined || ip === undefined ? undefined : { jail, ip };
}
