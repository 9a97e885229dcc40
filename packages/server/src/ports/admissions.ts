import type { Admission } from '@banshare/transport';

/** The ZAP domain of a port of a generation. */
export function reportDomain(generation: string): string {
  return `report/${generation}`;
}

export function publishDomain(generation: string): string {
  return `publish/${generation}`;
}

/** The tokens as the doors see them: whether one has a key, and whether it opens the report port to somebody at an address now. */
export type TokenDoors = {
  has: (key: string) => boolean;
  opens: (key: string, address: string) => boolean;
};

/**
 * The keys (Z85) that may come in. Join keys open the report port of their generation only, to enrol; so do tokens, that of every
 * generation.
 */
export class Admissions {
  readonly #hosts = new Set<string>();
  readonly #joining = new Map<string, string>();
  #isJoiningOpen = true;
  #tokens: TokenDoors = { has: () => false, opens: () => false };
  #withdrawn: () => void = () => undefined;

  /** Calls a listener whenever a key that was let in is let in no more: its connections are older, and go on. */
  onWithdrawn(listen: () => void): void {
    this.#withdrawn = listen;
  }

  admitHost(curve: string): void {
    this.#hosts.add(curve);
  }

  /** Has tokens open the report port from now on. */
  admitTokens(tokens: TokenDoors): void {
    this.#tokens = tokens;
  }

  /** A token opens nothing any more. */
  withdrawToken(): void {
    this.#withdrawn();
  }

  admitJoining(generation: string, joinKey: string): void {
    this.#joining.set(reportDomain(generation), joinKey);
  }

  /** The join key of a generation that is no longer served opens nothing. */
  forgetJoining(generation: string): void {
    this.#joining.delete(reportDomain(generation));
  }

  expelHost(curve: string): void {
    if (this.#hosts.delete(curve)) this.#withdrawn();
  }

  /** Whether a key is a join key or a token's: a host of the same key would let everybody in who has that. */
  isForJoining(curve: string): boolean {
    return [...this.#joining.values()].includes(curve) || this.#tokens.has(curve);
  }

  /** While enrolment is closed, a join key opens nothing. */
  openJoining(isOpen: boolean): void {
    const isWithdrawn = this.#isJoiningOpen && !isOpen;
    this.#isJoiningOpen = isOpen;
    if (isWithdrawn) this.#withdrawn();
  }

  hostKeys(): string[] {
    return [...this.#hosts];
  }

  /** The answer for a key at a domain, seen from an address; every cell that is not named here is shut. */
  decide(domain: string, key: string, address = ''): Admission {
    const isPort = domain.startsWith('report/') || domain.startsWith('publish/');
    if (isPort && this.#hosts.has(key)) return 'admit';
    if (this.#isJoiningOpen && this.#joining.get(domain) === key) return 'admit';
    if (this.#joining.has(domain) && this.#tokens.opens(key, address)) return 'admit';
    return 'refuse';
  }
}
