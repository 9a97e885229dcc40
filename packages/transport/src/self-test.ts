import { connect } from 'node:net';
import { curveKeyPair, Dealer, Subscriber } from 'zeromq';
import { portOf } from './endpoint.ts';
import { watchedSocket } from './handshakes.ts';
import { untilDone } from './interrupted.ts';

/**
 * Knocks at one of our own endpoints with a key that nobody knows. libzmq serves any key when a ZAP option is missing, and
 * says nothing: so a server proves at every start that its doors are shut.
 * @returns whether the stranger was refused; false also when nothing happened within 5 s.
 */
export async function strangerIsRefused(boundEndpoint: string, serverKey: string): Promise<boolean> {
  // Not by libsodium, which only key making loads: this runs at every start.
  const stranger = curveKeyPair();
  const options = {
    linger: 0,
    ipv6: true,
    curveServerKey: serverKey,
    curvePublicKey: stranger.publicKey,
    curveSecretKey: stranger.secretKey,
  };
  // libzmq hangs up on a peer of an unfitting type before it says anything of the key: one of the two fits.
  const kinds = [() => new Dealer(options), () => new Subscriber(options)];
  const sockets: (Dealer | Subscriber)[] = [];
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), 5000);
      for (const make of kinds) {
        const socket = watchedSocket<Dealer | Subscriber>(make, (what) => {
          if (what !== 'gone') resolve(what === 'refused');
        });
        sockets.push(socket);
        untilDone(() => socket.connect(reachable(boundEndpoint)));
      }
    });
  } finally {
    clearTimeout(timer);
    for (const socket of sockets) socket.close();
  }
}

/** Whether anything still listens at one of our own endpoints: libzmq closes in a thread of its own, after unbind() has said that it did. */
export async function isOpen(boundEndpoint: string): Promise<boolean> {
  const { hostname, port } = new URL(reachable(boundEndpoint));
  const socket = connect(Number(port), hostname.replace(/^\[|\]$/g, ''));
  const isThere = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
  socket.destroy();
  return isThere;
}

/** An endpoint bound to every address is reached over loopback. */
function reachable(boundEndpoint: string): string {
  const isWildcard = boundEndpoint.startsWith('tcp://[::]') || boundEndpoint.startsWith('tcp://0.0.0.0');
  return isWildcard ? `tcp://127.0.0.1:${portOf(boundEndpoint)}` : boundEndpoint;
}
