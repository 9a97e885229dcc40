import { curveKeyPair, Dealer } from 'zeromq';
import { portOf } from './endpoint.ts';

/**
 * Knocks at one of our own endpoints with a key that nobody knows. libzmq serves any key when a ZAP option is missing, and
 * says nothing: so a server proves at every start that its doors are shut.
 * @returns whether the stranger was refused; false also when nothing happened within 5 s.
 */
export async function strangerIsRefused(boundEndpoint: string, serverKey: string): Promise<boolean> {
  // Not by libsodium, which only key making loads: this runs at every start.
  const stranger = curveKeyPair();
  const socket = new Dealer({
    linger: 0,
    ipv6: true,
    curveServerKey: serverKey,
    curvePublicKey: stranger.publicKey,
    curveSecretKey: stranger.secretKey,
  });
  try {
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), 5000);
      const settle = (refused: boolean): void => {
        clearTimeout(timer);
        resolve(refused);
      };
      socket.events.on('handshake:error:auth', () => settle(true));
      socket.events.on('handshake', () => settle(false));
      socket.connect(reachable(boundEndpoint));
    });
  } finally {
    socket.close();
  }
}

/** An endpoint bound to every address is reached over loopback. */
function reachable(boundEndpoint: string): string {
  const isWildcard = boundEndpoint.startsWith('tcp://[::]') || boundEndpoint.startsWith('tcp://0.0.0.0');
  return isWildcard ? `tcp://127.0.0.1:${portOf(boundEndpoint)}` : boundEndpoint;
}
