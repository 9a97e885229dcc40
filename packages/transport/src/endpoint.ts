/** ZeroMQ's name of a TCP port; IPv6 addresses get brackets. */
export function endpoint(address: string, port: number): string {
  return address.includes(':') ? `tcp://[${address}]:${port}` : `tcp://${address}:${port}`;
}

/** The port of an endpoint that a socket was bound to. */
export function portOf(boundEndpoint: string): number {
  return Number(boundEndpoint.slice(boundEndpoint.lastIndexOf(':') + 1));
}
