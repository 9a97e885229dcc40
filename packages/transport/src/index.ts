export { answerZap, type Admission, type Doorkeeper } from './allow-keys.ts';
export {
  parseSections,
  PUBLIC_SUFFIX,
  readPublicKey,
  readSecretSections,
  SECRET_SUFFIX,
  writeCertificate,
  writePublicKey,
  type CurvePair,
} from './keys/certificate.ts';
export { endpoint, portOf } from './endpoint.ts';
export { readHostKey, writeHostKey, type HostKey } from './keys/host-key.ts';
export { readIncoming, type Incoming, type Unreadable } from './incoming.ts';
export { JoinProof } from './keys/join-proof.ts';
export { curveKeyOf, makeCurvePair, makeIdentity, type Identity } from './keys/key-making.ts';
export { eventPublisher, listen, reportRouter, type Listening } from './listen.ts';
export { Pipeline } from './pipeline.ts';
export { PublishPort, ReportPort } from './ports.ts';
export { Requester, type Peer } from './request.ts';
export { KeptMac, MAC_BYTES, Mac, MacChecker } from './keys/mac.ts';
export { seal, sealByMac, Sealer, type Sealed } from './seal.ts';
export { strangerIsRefused } from './self-test.ts';
export { SignatureChecker, Signer } from './keys/signature.ts';
export { Subscription } from './subscribe.ts';
export { encodeZ85 } from './keys/z85.ts';
export type { Answer } from './answer.ts';
