import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { takePort } from './ports.ts';

/** The way of one program to a port of loopback, from there or another address of this machine, which can be cut while everybody else's stays. */
export class Cable implements AsyncDisposable {
  readonly port = takePort();
  readonly address: string;
  readonly #to: number;
  readonly #ends = new Set<Socket>();
  #server: Server | undefined;

  private constructor(to: number, address: string) {
    this.#to = to;
    this.address = address;
  }

  static async lay(to: number, address = '127.0.0.1'): Promise<Cable> {
    const cable = new Cable(to, address);
    await cable.mend();
    return cable;
  }

  /** Ends every connection, and takes no other until it is mended. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const end of this.#ends) end.destroy();
    if (server === undefined) return;
    server.close();
    await once(server, 'close');
  }

  async mend(): Promise<void> {
    this.#server = createServer((near) => {
      const far = connect(this.#to, '127.0.0.1');
      for (const [end, peer] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#ends.add(end);
        end.on('error', () => undefined);
        end.on('close', () => {
          this.#ends.delete(end);
          peer.destroy();
        });
        end.pipe(peer);
      }
    });
    this.#server.listen(this.port, this.address);
    await once(this.#server, 'listening');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }
}
