import { bad, good, quote, type Result } from '@banshare/protocol';

/** How the way to the database is protected: in the clear, encrypted to whoever answers, or to who has a certificate for that name. */
type SslMode = 'disable' | 'require' | 'verify-ca' | 'verify-full';

/** One machine of the database. */
export type DatabaseHost = { readonly host: string; readonly port: number };

/** Where the log is. No password: that comes from a file. */
export type DatabaseLocation = {
  readonly hosts: readonly DatabaseHost[];
  readonly user: string;
  readonly database: string;
  readonly sslMode: SslMode;
  /** A file with the certificates of those who may sign the database's; without it those that the program trusts. */
  readonly rootCertificate: string | undefined;
};

const DEFAULT_PORT = 5432;
const DEFAULT_NAME = 'banshare';
const MODES: readonly SslMode[] = ['disable', 'require', 'verify-ca', 'verify-full'];

/**
 * Reads `postgres://[USER@]HOST[:PORT],…/DATABASE[?sslmode=MODE&sslrootcert=FILE]`. Without a mode whoever is not on this machine has
 * to show a certificate for his name.
 */
export function parseDatabaseUrl(url: string): Result<DatabaseLocation> {
  const found = /^postgres(?:ql)?:\/\/(?:([^@/?]*)@)?([^@/?]*)(?:\/([^?]*))?(?:\?(.*))?$/.exec(url);
  if (found === null) return bad('must be like "postgres://a.example.org,b.example.org/banshare"');
  const [, user = '', list = '', database = '', query = ''] = found;
  if (user.includes(':'))
    return bad('must not hold a password: write that into a file, and name it by ledger.password-file');
  const hosts: DatabaseHost[] = [];
  for (const each of list.split(',')) {
    const host = parseHost(each);
    if (!host.ok) return host;
    hosts.push(host.value);
  }
  const more = parseQuery(query);
  if (!more.ok) return more;
  const names = [decoded(user), decoded(database)];
  if (names.some((name) => name === undefined)) return bad('has a % that begins no character');
  const isHere = hosts.every(({ host }) => /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host));
  return good({
    hosts,
    user: names[0] || DEFAULT_NAME,
    database: names[1] || DEFAULT_NAME,
    sslMode: more.value.sslMode ?? (isHere ? 'disable' : 'verify-full'),
    rootCertificate: more.value.rootCertificate,
  });
}

function parseHost(text: string): Result<DatabaseHost> {
  const found = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(found?.[3] ?? DEFAULT_PORT);
  if (found === null) return bad(`has ${quote(text)} where a host, or host:port, has to be`);
  if (port < 1 || port > 65_535) return bad(`has ${quote(text)}, and a port is from 1 to 65535`);
  return good({ host: found[1] ?? found[2] ?? '', port });
}

type Query = { sslMode: SslMode | undefined; rootCertificate: string | undefined };

function parseQuery(text: string): Result<Query> {
  const read: Query = { sslMode: undefined, rootCertificate: undefined };
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === 'sslmode') {
      read.sslMode = MODES.find((mode) => mode === value);
      if (read.sslMode === undefined)
        return bad(`has sslmode ${quote(value)}: it must be ${MODES.join(', ')}`);
    } else if (name === 'sslrootcert') {
      if (!value.startsWith('/')) return bad('has an sslrootcert that is no path from /');
      read.rootCertificate = value;
    } else if (name === 'password') {
      return bad('must not hold a password: write that into a file, and name it by ledger.password-file');
    } else {
      return bad(`has ${quote(name)}, which is not known: there are sslmode and sslrootcert`);
    }
  }
  return good(read);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
