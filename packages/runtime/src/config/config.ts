import { readFileSync } from 'node:fs';
import { clientOptions, serverOptions, type ClientConfig, type ServerConfig } from './options.ts';
import { readOptions, type OptionTable, type ReadOptions, type ConfigOf } from './option-table.ts';
import { tomlFault } from './toml-fault.ts';

/** Whether the file was asked for by name (`--config FILE`): then it must be there. */
type Wanted = { readonly mustExist?: boolean };

/** Reads server.toml; where there is none, every option has its default. */
export async function readServerConfig(
  path: string,
  wanted: Wanted = {},
): Promise<ReadOptions<ServerConfig>> {
  const read = await readConfig(path, serverOptions, wanted);
  if (!read.ok) return read;
  const { bans, listen } = read.config;
  const faults: string[] = [];
  if (bans.maxDurationSeconds !== -1 && isLonger(bans.defaultDurationSeconds, bans.maxDurationSeconds)) {
    faults.push(`Cannot use "bans.default-duration" in ${path}: it is longer than "bans.max-duration"`);
  }
  if (samePort(listen.reportPort, listen.publishPort)) {
    faults.push(`Cannot use "listen.publish-port" in ${path}: "listen.report-port" is the same port`);
  }
  return faults.length > 0 ? { ok: false, faults } : read;
}

/** Reads client.toml, for the client and the reporter; where there is none, every option has its default. */
export async function readClientConfig(
  path: string,
  wanted: Wanted = {},
): Promise<ReadOptions<ClientConfig>> {
  const read = await readConfig(path, clientOptions, wanted);
  if (read.ok && samePort(read.config.reportPort, read.config.publishPort)) {
    return { ok: false, faults: [`Cannot use "publish-port" in ${path}: "report-port" is the same port`] };
  }
  return read;
}

async function readConfig<T extends OptionTable>(
  path: string,
  table: T,
  wanted: Wanted,
): Promise<ReadOptions<ConfigOf<T>>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && wanted.mustExist !== true) return readOptions(table, {}, path);
    return {
      ok: false,
      faults: [`Cannot read ${path}: ${message}`],
      ...(code === undefined ? {} : { code }),
    };
  }
  // Only here: most hosts have no file, and the reporter starts once per ban.
  const { parse } = await import('smol-toml');
  let document: Record<string, unknown>;
  try {
    document = parse(text);
  } catch (error) {
    return { ok: false, faults: [`Cannot read ${path}: ${tomlFault(error)}`] };
  }
  return readOptions(table, document, path);
}

function isLonger(seconds: number, limitSeconds: number): boolean {
  return seconds === -1 || seconds > limitSeconds;
}

function samePort(one: number | undefined, other: number | undefined): boolean {
  return one !== undefined && one !== 0 && one === other;
}
