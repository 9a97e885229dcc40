import type { ServerConfig } from '@banshare/runtime';
import { inUrl, isLocal } from './door/names.ts';

type Web = ServerConfig['web'];

/** What of `[web]` goes not together, a sentence each. */
export function listenFaults({
  listen,
  allowPublic,
  tlsCertificate,
  tlsKey,
  userHeader,
  names,
}: Web): string[] {
  const faults: string[] = [];
  const hasTls = tlsCertificate !== undefined && tlsKey !== undefined;
  if ((tlsCertificate === undefined) !== (tlsKey === undefined))
    faults.push('Cannot use [web]: tls-certificate and tls-key go together');
  if (!isLocal(listen) && !(allowPublic && hasTls))
    faults.push(
      'Cannot serve the page at an address that others reach: set [web] allow-public = true, tls-certificate and tls-key; or leave it at loopback and use ssh -L 9180:127.0.0.1:9180',
    );
  if (!isLocal(listen) && names.length === 0)
    faults.push('Cannot use [web] listen: say by which names browsers reach the page, in [web] names');
  if (userHeader !== undefined && listen.unix === undefined)
    faults.push(
      'Cannot use [web] user-header: only a proxy at a unix socket may say who somebody is, [web] listen = "unix:/run/banshare-web/page.sock"',
    );
  if (listen.unix !== undefined && hasTls)
    faults.push('Cannot use [web] tls-certificate with a unix socket: the proxy in front of it speaks TLS');
  return faults;
}

/** Where a browser finds the page; `port` where the configured one is 0. */
export function addressOfPage({ listen, names, tlsCertificate }: Web, port?: number): string {
  const [name] = names;
  if (listen.unix !== undefined) return name === undefined ? `unix:${listen.unix}` : `https://${name}`;
  const scheme = tlsCertificate === undefined ? 'http' : 'https';
  const host = isLocal(listen) || name === undefined ? inUrl(listen.address) : inUrl(name);
  return `${scheme}://${host}:${port ?? listen.port}`;
}
