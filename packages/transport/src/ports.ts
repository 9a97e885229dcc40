import type { Publisher, Router } from 'zeromq';
import { portOf } from './endpoint.ts';
import { eventPublisher, listen, reportRouter, type Listening } from './listen.ts';

const MOST_TRIES = 50;
const BETWEEN_TRIES_MS = 20;

/** The report port as the server sees it: requests come in, answers go out, over every generation's endpoint. */
export class ReportPort {
  readonly #router: Router = reportRouter();
  #bound: { to: Listening; at: string }[] = [];
  #sending: Promise<void> = Promise.resolve();

  /** Binds one generation's endpoint and returns it with its port. @throws libzmq's error, such as EADDRINUSE. */
  async listen(to: Listening): Promise<string> {
    const at = await listen(this.#router, to);
    this.#bound.push({ to: { ...to, port: portOf(at) }, at });
    return at;
  }

  /** Closes the endpoint of a domain, with every connection that came in there. */
  unlisten(domain: string): Promise<void> {
    const closed = this.#sending.then(async () => {
      for (const { at } of this.#bound.filter(({ to }) => to.domain === domain))
        await this.#router.unbind(at);
      this.#bound = this.#bound.filter(({ to }) => to.domain !== domain);
    });
    this.#sending = closed.catch(() => undefined);
    return closed;
  }

  /**
   * Drops every connection, also those that never said who they are; hosts come back by themselves and ask again.
   * @throws when an endpoint cannot be bound again: then the process has to start again.
   */
  cut(): Promise<void> {
    const cut = this.#sending.then(() => rebind(this.#router, this.#bound));
    this.#sending = cut.catch(() => undefined);
    return cut;
  }

  /** The frames of the next message; undefined once the port is closed. */
  async receive(): Promise<Buffer[] | undefined> {
    try {
      return await this.#router.receive();
    } catch {
      return undefined;
    }
  }

  /** Answers a peer, in the order of the calls; one that has gone away is no fault, it will ask again. */
  answer(envelope: readonly Buffer[], frames: readonly string[]): Promise<void> {
    // A second send while one is under way would be refused with EBUSY.
    this.#sending = this.#sending.then(() => sendOrDrop(this.#router, [...envelope, ...frames]));
    return this.#sending;
  }

  close(): void {
    this.#router.close();
  }
}

/** The publish port: whatever is published goes to every subscriber that keeps up. */
export class PublishPort {
  readonly #publisher: Publisher = eventPublisher();
  #sending: Promise<void> = Promise.resolve();
  #bound: { to: Listening; at: string }[] = [];

  /** Binds one generation's endpoint and returns it with its port. @throws libzmq's error, such as EADDRINUSE. */
  async listen(to: Listening): Promise<string> {
    const at = await listen(this.#publisher, to);
    this.#bound.push({ to: { ...to, port: portOf(at) }, at });
    return at;
  }

  /** Closes the endpoint of a domain; its subscribers are dropped once something is published. */
  unlisten(domain: string): Promise<void> {
    const closed = this.#sending.then(async () => {
      for (const { at } of this.#bound.filter(({ to }) => to.domain === domain))
        await this.#publisher.unbind(at);
      this.#bound = this.#bound.filter(({ to }) => to.domain !== domain);
    });
    this.#sending = closed.catch(() => undefined);
    return closed;
  }

  /**
   * Cuts every subscriber, since libzmq cannot cut one: each comes back by itself through ZAP, where a key that was shut out
   * meanwhile is refused. They are only dropped once something is published.
   * @throws when an endpoint cannot be bound again: then the process has to end.
   */
  cut(): Promise<void> {
    const cut = this.#sending.then(() => rebind(this.#publisher, this.#bound));
    this.#sending = cut.catch(() => undefined);
    return cut;
  }

  /** Publishes two frames, in the order of the calls. */
  publish(subject: string, body: string): Promise<void> {
    this.#sending = this.#sending.then(() => sendOrDrop(this.#publisher, [subject, body]));
    return this.#sending;
  }

  close(): void {
    this.#publisher.close();
  }
}

async function rebind(
  socket: Router | Publisher,
  bound: readonly { to: Listening; at: string }[],
): Promise<void> {
  for (const { to, at } of bound) {
    await socket.unbind(at);
    await listenAgain(socket, to);
  }
}

/** Under many connections the port may be free only a moment after it was given up. */
async function listenAgain(socket: Router | Publisher, to: Listening): Promise<void> {
  for (let left = MOST_TRIES; ; left -= 1) {
    try {
      await listen(socket, to);
      return;
    } catch (error) {
      if (left === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES_MS));
    }
  }
}

/** zeromq.js rejects for a peer that is gone, and throws on a socket that is closed. */
async function sendOrDrop(socket: Router | Publisher, frames: (Buffer | string)[]): Promise<void> {
  try {
    await socket.send(frames);
  } catch {
    // Nobody is left who could be told.
  }
}
