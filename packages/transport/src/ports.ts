import type { Publisher, Router } from 'zeromq';
import { portOf } from './endpoint.ts';
import { eventPublisher, listen, reportRouter, type Listening } from './listen.ts';
import { isOpen } from './self-test.ts';

const MOST_TRIES = 50;
const BETWEEN_TRIES_MS = 20;

/** The report port as the server sees it: requests come in, answers go out, over every generation's endpoint. */
export class ReportPort {
  readonly #router: Router = reportRouter();
  readonly #endpoints = new BoundEndpoints(this.#router);
  #sending: Promise<void> = Promise.resolve();
  /** There while one waits for a message. */
  #receiving: Promise<unknown> | undefined;
  /** There while endpoints change: whoever wants a message waits until it is settled. */
  #changing: Promise<void> | undefined;
  #isClosed = false;

  /** Binds one generation's endpoint and returns it with its port. @throws libzmq's error, such as EADDRINUSE. */
  listen(to: Listening): Promise<string> {
    return this.#endpoints.listen(to);
  }

  /** Closes the endpoint of a domain, with every connection that came in there; nothing listens there once it resolves. @throws where something does. */
  unlisten(domain: string): Promise<void> {
    return this.#change(() => this.#endpoints.unlisten(domain));
  }

  /**
   * Drops every connection, also those that never said who they are; hosts come back by themselves, through ZAP, and ask again.
   * @throws when an endpoint cannot be bound again: then the process has to start again.
   */
  cut(): Promise<void> {
    return this.#change(() => this.#endpoints.rebind());
  }

  /** The frames of the next message; undefined once the port is closed. */
  async receive(): Promise<Buffer[] | undefined> {
    while (!this.#isClosed) {
      while (this.#changing !== undefined) await this.#changing;
      try {
        const receiving = this.#router.receive();
        this.#receiving = receiving;
        return await receiving;
      } catch (error) {
        // Nothing came in time, or libzmq had something else: a server that ends to listen would be deaf without a word.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') await nextTurn();
      } finally {
        this.#receiving = undefined;
      }
    }
    return undefined;
  }

  /** Answers a peer, in the order of the calls; one that has gone away is no fault, it will ask again. */
  answer(envelope: readonly Buffer[], frames: readonly string[]): Promise<void> {
    // A second send while one is under way would be refused with EBUSY.
    this.#sending = this.#sending.then(() => sendOrDrop(this.#router, [...envelope, ...frames]));
    return this.#sending;
  }

  close(): void {
    this.#isClosed = true;
    this.#router.close();
  }

  /**
   * Changes endpoints while nobody sends or waits for a message: zeromq.js binds and unbinds in a thread of its own, and a
   * socket that two threads use at once loses its mind.
   */
  #change(work: () => Promise<void>): Promise<void> {
    const changed = this.#sending.then(async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#changing = promise;
      try {
        await this.#receiving?.catch(() => undefined);
        if (!this.#isClosed) await work();
      } finally {
        this.#changing = undefined;
        resolve();
      }
    });
    this.#sending = changed.catch(() => undefined);
    return changed;
  }
}

/** The publish port: whatever is published goes to every subscriber that keeps up. */
export class PublishPort {
  readonly #publisher: Publisher = eventPublisher();
  readonly #endpoints = new BoundEndpoints(this.#publisher);
  #sending: Promise<void> = Promise.resolve();

  /**
   * Binds one generation's endpoint and returns it with its port; what is published meanwhile waits. @throws libzmq's error, such
   * as EADDRINUSE.
   */
  listen(to: Listening): Promise<string> {
    return this.#change(() => this.#endpoints.listen(to));
  }

  /**
   * Closes the endpoint of a domain; nothing listens there once it resolves. Its subscribers are dropped once something is published.
   * @throws where something does.
   */
  unlisten(domain: string): Promise<void> {
    return this.#change(() => this.#endpoints.unlisten(domain));
  }

  /**
   * Cuts every subscriber, since libzmq cannot cut one: each comes back by itself through ZAP, where a key that was shut out
   * meanwhile is refused. They are only dropped once something is published.
   * @throws when an endpoint cannot be bound again: then the process has to end.
   */
  cut(): Promise<void> {
    return this.#change(() => this.#endpoints.rebind());
  }

  /** Publishes two frames, in the order of the calls. */
  publish(subject: string, body: string): Promise<void> {
    this.#sending = this.#sending.then(() => sendOrDrop(this.#publisher, [subject, body]));
    return this.#sending;
  }

  close(): void {
    this.#publisher.close();
  }

  /** Changes endpoints while nobody sends: zeromq.js binds in a thread of its own, and no socket bears two threads. */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const changed = this.#sending.then(work);
    this.#sending = changed.then(
      () => undefined,
      () => undefined,
    );
    return changed;
  }
}

/** Where a socket listens: one endpoint or more for each generation. */
class BoundEndpoints {
  readonly #socket: Router | Publisher;
  #bound: { to: Listening; at: string }[] = [];

  constructor(socket: Router | Publisher) {
    this.#socket = socket;
  }

  async listen(to: Listening): Promise<string> {
    const at = await listen(this.#socket, to);
    this.#bound.push({ to: { ...to, port: portOf(at) }, at });
    return at;
  }

  async unlisten(domain: string): Promise<void> {
    const gone = this.#bound.filter(({ to }) => to.domain === domain);
    for (const { at } of gone) await this.#socket.unbind(at);
    this.#bound = this.#bound.filter(({ to }) => to.domain !== domain);
    for (const { at } of gone) await untilShut(at);
  }

  async rebind(): Promise<void> {
    for (const { to, at } of this.#bound) {
      await this.#socket.unbind(at);
      await listenAgain(this.#socket, to);
    }
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
      await rest();
    }
  }
}

/** Who is told that a port is closed may open it to something else, or tell a firewall. */
async function untilShut(at: string): Promise<void> {
  for (let left = MOST_TRIES; await isOpen(at); left -= 1) {
    if (left === 0) throw new Error(`${at} was closed, and something still listens there`);
    await rest();
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

function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES_MS));
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
