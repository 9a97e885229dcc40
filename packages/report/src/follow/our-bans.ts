import type { BanKey } from '@banshare/protocol';
import { askAdmin, oddIn, type FieldsOf } from '@banshare/runtime';

const ASK_MS = 2000;

/** What this host's client has in place: asked once, and only by who reads of bans that are older than any note. */
export class OurBans {
  readonly #socket: string;
  #asked: Promise<ReadonlySet<string>> | undefined;

  constructor(clientSocket: string) {
    this.#socket = clientSocket;
  }

  /** Whether the client put this ban in place; false where no client answers, since a report that is lost costs more. */
  async has({ jail, ip }: BanKey): Promise<boolean> {
    this.#asked ??= this.#ask();
    return (await this.#asked).has(`${jail}@${ip}`);
  }

  async #ask(): Promise<ReadonlySet<string>> {
    const reply = await askAdmin(this.#socket, { command: 'bans' }, ASK_MS);
    if (!reply.ok || oddIn(BANS, reply.result) !== undefined) return new Set();
    const { bans } = reply.result as { bans: readonly ShownBan[] };
    return new Set(bans.filter(({ isOurs }) => isOurs).map(({ localJail, ip }) => `${localJail}@${ip}`));
  }
}

type ShownBan = { ip: string; localJail: string; isOurs: boolean };

const BAN: FieldsOf<ShownBan> = { ip: 'text', localJail: 'text', isOurs: 'flag' };
const BANS = { fields: { bans: { list: { fields: BAN } } } } as const;
