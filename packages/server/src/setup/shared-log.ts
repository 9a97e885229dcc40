import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { bad, type Result } from '@banshare/protocol';
import { asOwner, readPrivate, readServerConfig, type HostPaths, type ServerConfig } from '@banshare/runtime';
import { parseDatabaseUrl } from '../log/database-url.ts';
import type { PostgresLogOptions } from '../log/postgres-log.ts';
import { parseSecret } from '../log/seal.ts';

/** What reaches and proves the log that several servers share; undefined where this server's own file is all there is. */
export type SharedLog = { log: PostgresLogOptions | undefined } | { faults: readonly string[] };

/** What an operator calls what he named: in server.toml, or in a command. */
type Named = { readonly password: string; readonly log: string };
const IN_FILE: Named = {
  password: '[ledger] password-file in server.toml',
  log: '[ledger] log in server.toml',
};
export const IN_COMMAND: Named = { password: '--password-file', log: 'that URL' };

/** Whether a server.toml names a log that several servers share; so it counts where it cannot be read. */
export async function sharesLog(config: string): Promise<boolean> {
  const read = await readServerConfig(config);
  return !read.ok || read.config.ledger.log !== undefined;
}

/** Reads what `[ledger]` says of a shared log, with the server's rights; all faults at once. */
export function readSharedLog(
  { ledger }: Pick<ServerConfig, 'ledger'>,
  paths: HostPaths,
  named = IN_FILE,
): SharedLog {
  if (ledger.log === undefined) {
    if (ledger.passwordFile === undefined) return { log: undefined };
    return {
      faults: [
        'Cannot use [ledger] password-file in server.toml: [ledger] log, whose password that is, is missing',
      ],
    };
  }
  const location = parseDatabaseUrl(ledger.log);
  if (!location.ok) return { faults: [`Cannot use ${named.log}: it ${location.fault}`] };
  const { passwordFile, durability } = ledger;
  const { rootCertificate } = location.value;
  const faults: string[] = [];
  const secret = asOwner(paths.generations, () => {
    if (passwordFile !== undefined) faults.push(...faultsOfPassword(passwordFile, named));
    if (rootCertificate !== undefined) faults.push(...faultsOfCertificate(rootCertificate, named));
    return readSecret(paths.ledgerSecret);
  });
  if (!secret.ok) {
    faults.push(
      `Cannot use ${named.log}: ${secret.fault}; banshare-server ledger move makes the ledger's secret, ledger join brings it to a further server`,
    );
  }
  if (!secret.ok || faults.length > 0) return { faults };
  return { log: { location: location.value, passwordFile, durability, secret: secret.value } };
}

function readSecret(path: string): Result<Buffer> {
  const read = readPrivate(path);
  if (!read.ok) return read;
  const secret = parseSecret(read.value.toString('utf8'));
  return secret.ok ? secret : bad(`"${path}" ${secret.fault}`);
}

function faultsOfPassword(path: string, { password }: Named): string[] {
  if (!isAbsolute(path)) return [`Cannot use ${password}: it must be a path from /`];
  const read = readPrivate(path);
  return read.ok ? [] : [`Cannot use ${password}: ${read.fault}; it has to be the server's user's`];
}

function faultsOfCertificate(path: string, { log }: Named): string[] {
  try {
    return /-----BEGIN CERTIFICATE-----/.test(readFileSync(path, 'latin1'))
      ? []
      : [`Cannot use sslrootcert of ${log}: "${path}" holds no certificate`];
  } catch (error) {
    return [`Cannot use sslrootcert of ${log}: ${(error as Error).message}`];
  }
}
