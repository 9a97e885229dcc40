import type { Admission } from '@banshare/transport';

/** The ZAP domain of a port of a generation. */
export function reportDomain(generation: string): string {
  return `report/${generation}`;
}

export function publishDomain(generation: string): string {
  return `publish/${generation}`;
}

/** The keys (Z85) that may come in. Join keys open the report port of their generation only, to enrol. */
export class Admissions {
  readonly #hosts = new Set<string>();
  readonly #joining = new Map<string, string>();
  #isJoiningOpen = true;
  #withdrawn: () => void = () => undefined;

  /** Calls a listener whenever a key that was let in is let in no more: its connections are older, and go on. */
  onWithdrawn(listen: () => void): void {
    this.#withdrawn = listen;
  }

  admitHost(curve: string): void {
    this.#hosts.add(curve);
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

  /** Whether a key is a join key: a host of the same key would let everybody in who has that. */
  isForJoining(curve: string): boolean {
    return [...this.#joining.values()].includes(curve);
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

  /** The answer for a key at a domain; every cell that is not named here is shut. */
  decide(domain: string, key: string): Admission {
    const isPort = domain.startsWith('report/') || domain.startsWith('publish/');
    if (isPort && this.#hosts.has(key)) return 'admit';
    if (this.#isJoiningOpen && this.#joining.get(domain) === key) return 'admit';
    return 'refuse';
  }
}
