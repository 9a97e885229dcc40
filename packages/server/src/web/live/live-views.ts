import { randomBytes } from 'node:crypto';
import { FollowedView, type Made, type State } from './followed-view.ts';
import { mainOf, piecesOf } from './pieces.ts';

/** Pages that browsers have just been sent: so many are remembered, so that who begins to follow one is sent only what has moved since. */
const MOST_REMEMBERED = 30;

/** Every view that somebody looks at, by its address. */
export class LiveViews {
  readonly #views = new Map<string, FollowedView>();
  readonly #sent = new Map<string, { at: string; title: string; page: string }>();
  /** Another process of this program has other versions. */
  readonly #ours = randomBytes(6).toString('base64url');
  #versions = 0;

  /** A name for a page that is about to be made. */
  readonly nextVersion = (): string => {
    this.#versions += 1;
    return `${this.#ours}-${this.#versions}`;
  };

  /** Remembers a page that a browser is sent, by its version. */
  remember(version: string, sent: { at: string; title: string; page: string }): void {
    this.#sent.set(version, sent);
    const [oldest] = this.#sent.keys();
    if (this.#sent.size > MOST_REMEMBERED && oldest !== undefined) this.#sent.delete(oldest);
  }

  /** Begins to follow the view of an address; `had` is the version that a browser has, and the state of it is returned where it is known. */
  follow(
    at: string,
    { make, leastSeconds }: { make: () => Promise<Made>; leastSeconds: number },
    wake: () => void,
    had: string | undefined,
  ): { view: FollowedView; state: State | undefined; leave: () => void } {
    const view = this.#views.get(at) ?? new FollowedView(make, leastSeconds, this.nextVersion);
    this.#views.set(at, view);
    const leave = view.follow(wake);
    const state = had === view.state?.version ? view.state : this.#stateOf(at, had);
    return {
      view,
      state,
      leave: () => {
        leave();
        if (view.followers === 0) this.#views.delete(at);
      },
    };
  }

  #stateOf(at: string, version: string | undefined): State | undefined {
    const sent = version === undefined ? undefined : this.#sent.get(version);
    if (version === undefined || sent === undefined || sent.at !== at) return undefined;
    return { version, title: sent.title, pieces: piecesOf(sent.page), main: mainOf(sent.page) };
  }
}
