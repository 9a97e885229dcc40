import type { FleetServer } from '../server.ts';
import { Program } from '../program.ts';

/** Each question has a connection of its own: one that rested for five seconds is closed by the page, maybe just as the next question is sent. */
const ANEW = { connection: 'close' };

/** The lines of server.toml for a page at a free port. */
export const PAGE_TOML = '[web]\nlisten = "127.0.0.1:0"\n';

/** A real banshare-server web below a server's root. */
export class FleetPage implements AsyncDisposable {
  readonly #server: FleetServer;
  #program: Program;
  /** Where it is, as http://127.0.0.1:PORT. */
  address = '';

  constructor(server: FleetServer) {
    this.#server = server;
    this.#program = this.#launch();
  }

  /** All that this run has said. */
  get said(): readonly string[] {
    return this.#program.said;
  }

  #launch(): Program {
    return new Program('server', ['web', '--root', this.#server.root]);
  }

  async ready(): Promise<this> {
    this.address = (await this.#program.line(/^banshare-server web ready /)).replace(/^.* at=/, '');
    return this;
  }

  /** A link that lets somebody in, with its code behind the #. */
  async link(name: string): Promise<string> {
    const { code } = await this.#server.json<{ code: string }>('web', 'link', '--as', name);
    return `${this.address}/enter#${code}`;
  }

  /** Comes in as somebody without a browser; returns the cookie. */
  async enter(name: string): Promise<string> {
    const code = (await this.link(name)).split('#')[1] ?? '';
    const answer = await this.post('/enter', { code });
    const cookie = answer.headers.getSetCookie()[0]?.split(';')[0];
    if (answer.status !== 303 || cookie === undefined)
      throw new Error(`not let in: ${answer.status} ${await answer.text()}`);
    return cookie;
  }

  get(path: string, cookie = '', headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.address + path, { headers: { ...ANEW, cookie, ...headers }, redirect: 'manual' });
  }

  /** What a form of the page sends. */
  post(
    path: string,
    fields: Record<string, string>,
    cookie = '',
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return fetch(this.address + path, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { ...ANEW, cookie, origin: this.address, ...headers },
      redirect: 'manual',
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    return this.#program.stop(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.stop('SIGKILL');
  }
}

/** Starts the page of a server whose server.toml has PAGE_TOML; resolves when it is ready. */
export function startPage(server: FleetServer): Promise<FleetPage> {
  return new FleetPage(server).ready();
}
