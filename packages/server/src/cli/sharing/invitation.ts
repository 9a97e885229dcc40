import { bad, good, type Result } from '@banshare/protocol';

/** What a further server needs of a shared log; it travels in a file that only root reads. */
export type Invitation = {
  readonly log: string;
  readonly durability: string;
  readonly secret: string;
  readonly password: string | undefined;
};

const KIND = 'banshare ledger invitation 1';

export function formatInvitation({ password, ...all }: Invitation): string {
  return `${JSON.stringify({ kind: KIND, ...all, ...(password === undefined ? {} : { password }) }, null, 2)}\n`;
}

/** Reads an invitation; the fault ends a sentence about its file. */
export function parseInvitation(text: string): Result<Invitation> {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return bad('is no invitation');
  }
  const { kind, log, durability, secret, password } = (read ?? {}) as Readonly<Record<string, unknown>>;
  if (kind !== KIND) return bad('is no invitation that this program knows');
  const texts = [log, durability, secret].every((each) => typeof each === 'string');
  if (!texts || (password !== undefined && typeof password !== 'string')) return bad('is not whole');
  if (!/^[0-9a-f]{64}$/.test(String(secret))) return bad('holds no secret of a ledger');
  if (!['standby', 'provider', 'none'].includes(String(durability))) return bad('has an unknown durability');
  return good({ log: String(log), durability: String(durability), secret: String(secret), password });
}
