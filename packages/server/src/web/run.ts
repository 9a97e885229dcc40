import { once } from 'node:events';
import { chmodSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { createAdaptorServer } from '@hono/node-server';
import {
  complain,
  EXIT,
  hostPaths,
  openLog,
  readServerConfig,
  runProgram,
  StartFault,
  tell,
  type HostPaths,
  type Resources,
  type ServerConfig,
} from '@banshare/runtime';
import { pageApp } from './app.ts';
import { Enrichment } from '../enrich/enrichment.ts';
import { serverAt } from './daemon/ask-server.ts';
import { Watch } from './daemon/watch.ts';
import { keptSessions } from './door/kept-sessions.ts';
import { LiveViews } from './live/live-views.ts';
import { addressOfPage, listenFaults } from './listen.ts';

const STOP_WITHIN_SECONDS = 5;
/** Connections at once, and milliseconds that a request's head, and all of it, may take. */
const MOST_CONNECTIONS = 300;
const HEAD_MS = 5000;
const WHOLE_MS = 15_000;

/** `web`: serves the page until a signal ends it. Returns only where it cannot begin, with the exit code. */
export async function runPage(root: string, config: string | undefined): Promise<number> {
  const paths = hostPaths(root);
  if (paths.root === '/' && process.geteuid?.() === 0) {
    complain(
      'banshare-server',
      'Cannot serve the page as root: whoever took it over would be root. systemctl start banshare-web runs it as the user banshare-web',
    );
    return EXIT.configuration;
  }
  const read = await readServerConfig(config ?? paths.serverConfig, { mustExist: config !== undefined });
  const faults = read.ok ? listenFaults(read.config.web) : read.faults;
  if (!read.ok || faults.length > 0) {
    for (const fault of faults) complain('banshare-server', fault);
    return EXIT.configuration;
  }
  return runProgram({
    name: 'banshare-server web',
    deadlineSeconds: STOP_WITHIN_SECONDS,
    start: (resources) => servePage(read.config, paths, resources),
  });
}

async function servePage(
  { web, enrich, log: logged }: ServerConfig,
  { pageSocket, pageLogins }: Pick<HostPaths, 'pageSocket' | 'pageLogins'>,
  resources: Resources,
): Promise<void> {
  const log = await openLog(logged);
  const ask = serverAt(pageSocket);
  // The daemon says what is wrong with the files; this process reads them for whoever looks for a country, and says it to him.
  const enrichment = new Enrichment(enrich.mmdb ?? [], { fault: () => undefined, over: () => undefined });
  const watch = new Watch(ask, web.acts);
  const sessions = keptSessions(pageLogins, (why) =>
    log.warning('Logins of the page end when it starts again', { why }),
  );
  const app = pageApp({ web, ask, watch, sessions, views: new LiveViews(), enrichment });
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false, ...secured(web) });
  if ('headersTimeout' in server) {
    server.maxConnections = MOST_CONNECTIONS;
    server.headersTimeout = HEAD_MS;
    server.requestTimeout = WHOLE_MS;
  }
  try {
    await listen(server, web.listen);
  } catch (error) {
    throw new StartFault(
      `Cannot serve the page at ${addressOfPage(web)}: ${(error as Error).message}; [web] listen in server.toml says where`,
      { cause: error },
    );
  }
  const watching = watch.run();
  resources.own('what is known of the server', async () => {
    watch.end();
    await Promise.race([watching, new Promise((resolve) => setImmediate(resolve))]);
  });
  resources.own('the page', () => {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : undefined;
  log.notice('Serving the page', { at: addressOfPage(web, port) });
  tell(`banshare-server web ready at=${addressOfPage(web, port)}`);
}

function secured({ tlsCertificate, tlsKey }: ServerConfig['web']) {
  if (tlsCertificate === undefined || tlsKey === undefined) return { createServer: createPlain };
  const [cert, key] = [tlsCertificate, tlsKey].map((path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw new StartFault(`Cannot read ${path}: ${(error as Error).message}; the user banshare-web has to`, {
        cause: error,
      });
    }
  });
  return { createServer: createSecure, serverOptions: { cert, key, minVersion: 'TLSv1.2' as const } };
}

async function listen(
  server: ReturnType<typeof createAdaptorServer>,
  listen: ServerConfig['web']['listen'],
): Promise<void> {
  if (listen.unix === undefined) {
    server.listen(listen.port, listen.address);
    await once(server, 'listening');
    return;
  }
  // One that a killed process left; whoever listens there still would hold the name in the kernel, and is not looked for.
  if (statSync(listen.unix, { throwIfNoEntry: false })?.isSocket() === true) rmSync(listen.unix);
  server.listen(listen.unix);
  await once(server, 'listening');
  // The group is that of the unit: the proxy's user is made a member of it.
  chmodSync(listen.unix, 0o660);
}
