import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { bad, type Result } from '@banshare/protocol';
import { asOwner, readPrivate, type HostPaths, type ServerConfig } from '@banshare/runtime';
import { parseDatabaseUrl } from '../log/database-url.ts';
import type { PostgresLogOptions } from '../log/postgres-log.ts';
import { parseSecret } from '../log/seal.ts';

/** What reaches and proves the log that several servers share; undefined where this server's own file is all there is. */
export type SharedLog = { log: PostgresLogOptions | undefined } | { faults: readonly string[] };

/** Reads what `[ledger]` says of a shared log, with the server's rights; all faults at once. */
export function readSharedLog({ ledger }: Pick<ServerConfig, 'ledger'>, paths: HostPaths): SharedLog {
  if (ledger.log === undefined) {
    if (ledger.passwordFile === undefined) return { log: undefined };
    return {
      faults: [
        'Cannot use [ledger] password-file in server.toml: [ledger] log, whose password that is, is missing',
      ],
    };
  }
  const location = parseDatabaseUrl(ledger.log);
  if (!location.ok) return { faults: [`Cannot use [ledger] log in server.toml: it ${location.fault}`] };
  const { passwordFile, durability } = ledger;
  const { rootCertificate } = location.value;
  const faults: string[] = [];
  const secret = asOwner(paths.generations, () => {
    if (passwordFile !== undefined) faults.push(...faultsOfPassword(passwordFile));
    if (rootCertificate !== undefined) faults.push(...faultsOfCertificate(rootCertificate));
    return readSecret(paths.ledgerSecret);
  });
  if (!secret.ok) {
    faults.push(
      `Cannot use [ledger] log in server.toml: ${secret.fault}; banshare-server ledger move makes the ledger's secret, ledger join brings it to a further server`,
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

function faultsOfPassword(path: string): string[] {
  if (!isAbsolute(path))
    return ['Cannot use [ledger] password-file in server.toml: it must be a path from /'];
  const read = readPrivate(path);
  return read.ok
    ? []
    : [`Cannot use [ledger] password-file in server.toml: ${read.fault}; it has to be the server's user's`];
}

function faultsOfCertificate(path: string): string[] {
  try {
    return /-----BEGIN CERTIFICATE-----/.test(readFileSync(path, 'latin1'))
      ? []
      : [`Cannot use sslrootcert of [ledger] log in server.toml: "${path}" holds no certificate`];
  } catch (error) {
    return [`Cannot use sslrootcert of [ledger] log in server.toml: ${(error as Error).message}`];
  }
}
