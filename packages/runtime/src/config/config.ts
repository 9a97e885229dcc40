import { clientOptions, serverOptions, type ClientConfig, type ServerConfig } from './options.ts';
import { sourceOf, readMerged, type ConfigOf, type OptionTable, type ReadOptions } from './option-table.ts';
import { readSources, type Source } from './sources.ts';

/** Whether the file was asked for by name (`--config FILE`): then it must be there. */
type Wanted = { readonly mustExist?: boolean };

/** A configuration, and the files that it was read from. */
export type ReadConfig<T> =
  { ok: true; config: T; files: readonly string[] } | Extract<ReadOptions<T>, { ok: false }>;

/** Reads server.toml and server.d/*.toml, of which later files count more; where there is none, every option has its default. */
export async function readServerConfig(path: string, wanted: Wanted = {}): Promise<ReadConfig<ServerConfig>> {
  return readConfig(path, serverOptions, wanted, ({ bans, listen }, fault) => {
    if (bans.maxDurationSeconds !== -1 && isLonger(bans.defaultDurationSeconds, bans.maxDurationSeconds))
      fault('bans.default-duration', 'it is longer than "bans.max-duration"');
    if (samePort(listen.reportPort, listen.publishPort))
      fault('listen.publish-port', '"listen.report-port" is the same port');
  });
}

/**
 * Reads client.toml and client.d/*.toml, of which later files count more, for the client and the reporter; where there is none, every
 * option has its default.
 */
export async function readClientConfig(path: string, wanted: Wanted = {}): Promise<ReadConfig<ClientConfig>> {
  return readConfig(path, clientOptions, wanted, ({ reportPort, publishPort }, fault) => {
    if (samePort(reportPort, publishPort)) fault('publish-port', '"report-port" is the same port');
  });
}

/** `check` looks for what contradicts itself. */
async function readConfig<T extends OptionTable>(
  path: string,
  table: T,
  { mustExist = false }: Wanted,
  check: (config: ConfigOf<T>, fault: (key: string, what: string) => void) => void,
): Promise<ReadConfig<ConfigOf<T>>> {
  const found = await readSources(path, mustExist);
  if (!found.ok) return found;
  const sources: Source[] =
    found.sources.length > 0 ? found.sources : [{ file: path, text: '', document: {} }];
  const read = readMerged(table, sources);
  if (!read.ok) return read;
  const faults: string[] = [];
  check(read.config, (key, what) => faults.push(`Cannot use "${key}" in ${sourceOf(sources, key)}: ${what}`));
  return faults.length > 0
    ? { ok: false, faults }
    : { ...read, files: found.sources.map(({ file }) => file) };
}

function isLonger(seconds: number, limitSeconds: number): boolean {
  return seconds === -1 || seconds > limitSeconds;
}

function samePort(one: number | undefined, other: number | undefined): boolean {
  return one !== undefined && one !== 0 && one === other;
}
