import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCurvePair } from '@banshare/transport';
import { writeGeneration } from '../making/generation-files.ts';
import { Fault } from '../say.ts';
import { Program } from './program.ts';

export type Host = { name: string; root: string; client: Program };

const NAMES = ['h1', 'h2', 'h3'];

/** A server and three clients on loopback, below a temporary directory, with keys of their own. */
export class DemoFleet {
  readonly directory = mkdtempSync(join(tmpdir(), 'banshare-demo-'));
  readonly hosts: Host[] = [];
  #server: Program | undefined;
  #page: Program | undefined;
  #configuration = '';
  #joinKey = '';

  /** Starts everything and returns the server's two ports. */
  async start(): Promise<{ report: string; publish: string }> {
    const root = join(this.directory, 'server');
    const keys = await this.#prepareServer(root);
    this.#server = new Program('the server', 'banshare-server', ['--root', root]);
    const { text } = await this.#server.line((line) => line.startsWith('banshare-server ready'));
    const [, report, publish] = /report=\S+:(\d+) publish=\S+:(\d+)/.exec(text) ?? [];
    if (report === undefined || publish === undefined) throw new Fault(`The server said "${text}"`);
    this.#configuration =
      `server = "127.0.0.1"\nreport-port = ${report}\npublish-port = ${publish}\n` +
      `server-public-key = "${keys.serverPublicKey}"\n`;
    for (const name of NAMES) this.hosts.push(this.#prepareHost(name));
    await Promise.all(
      this.hosts.map(({ client }) => client.line((line) => line.startsWith('banshare-client ready'))),
    );
    return { report, publish };
  }

  /** Calls banshare-report on a host, as its fail2ban would. */
  report(host: Host, args: readonly string[]): Program {
    return new Program('banshare-report', 'banshare-report', ['--root', host.root, ...args]);
  }

  /** Starts a host's client again. */
  async startAgain(host: Host): Promise<void> {
    host.client = this.#startClient(host.name, host.root);
    await host.client.line((line) => line.startsWith('banshare-client ready'));
  }

  /** Starts the page, and gives a link that lets one person in. */
  async openPage(): Promise<string> {
    const words = ['--root', join(this.directory, 'server')];
    this.#page = new Program('the page', 'banshare-server', ['web', ...words]);
    const { text } = await this.#page.line((line) => line.startsWith('banshare-server web ready'));
    const link = new Program('the link', 'banshare-server', ['web', 'link', '--as', 'you', ...words]);
    const { code, said } = await link.end();
    const secret = /#(\S+)/.exec(said)?.[1];
    if (code !== 0 || secret === undefined) throw new Fault(`There is no link to the page: ${said}`);
    return `${text.replace(/^.* at=/, '')}/enter#${secret}`;
  }

  /** Stops and removes everything. */
  async remove(): Promise<void> {
    await this.#page?.stop();
    await Promise.all(this.hosts.map(({ client }) => client.stop()));
    await this.#server?.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #prepareServer(root: string): Promise<{ serverPublicKey: string }> {
    const [server, join_] = [await makeCurvePair(), await makeCurvePair()];
    const created = new Date();
    const generation = `${created.toISOString().replace(/[-:]|\.\d+/g, '')}-000000`;
    const fleet = {
      generation,
      created: created.toISOString(),
      servers: ['127.0.0.1'] as const,
      reportPort: 1,
      publishPort: 2,
      serverPublicKey: server.publicKey,
      banCommand: 'true',
    };
    const directory = join(root, 'etc/banshare/generations', generation);
    writeGeneration(directory, fleet, { server, join: join_ });
    writeFileSync(
      join(root, 'etc/banshare/server.toml'),
      '[listen]\naddress = "127.0.0.1"\nreport-port = 0\npublish-port = 0\n[web]\nlisten = "127.0.0.1:0"\nacts = true\n',
    );
    // On a real machine the installer makes it, with the group of the page's user.
    mkdirSync(join(root, 'run/banshare/page'), { recursive: true });
    this.#joinKey = join(directory, 'join');
    return { serverPublicKey: server.publicKey };
  }

  #prepareHost(name: string): Host {
    const root = join(this.directory, name);
    const keys = join(root, 'etc/banshare/keys');
    mkdirSync(keys, { recursive: true, mode: 0o700 });
    for (const suffix of ['.key', '.key_secret'])
      copyFileSync(this.#joinKey + suffix, join(keys, `join${suffix}`));
    // On a real host the command is fail2ban's or the firewall's; here it only has to succeed.
    const commands = '[apply]\ncommand = "true ban JAIL SRCIP"\nunban-command = "true unban JAIL SRCIP"\n';
    writeFileSync(
      join(root, 'etc/banshare/client.toml'),
      `name = "${name}"\n${this.#configuration}${commands}[log]\nlevel = "info"\n`,
    );
    return { name, root, client: this.#startClient(name, root) };
  }

  #startClient(name: string, root: string): Program {
    return new Program(`the client of ${name}`, 'banshare-client', ['--root', root]);
  }
}
