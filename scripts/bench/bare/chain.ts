// A ROUTER that answers each request and publishes it.
import { Publisher, Router } from 'zeromq';

const [, , secretKey = ''] = process.argv;
const options = { linger: 0, curveServer: true, curveSecretKey: secretKey };
const router = new Router(options);
const publisher = new Publisher(options);
await router.bind('tcp://127.0.0.1:*');
await publisher.bind('tcp://127.0.0.1:*');
console.log(`ready ${router.lastEndpoint} ${publisher.lastEndpoint}`);
for await (const [peer, delimiter, subject, body] of router) {
  await router.send([peer ?? '', delimiter ?? '', 'OK', body ?? '']);
  await publisher.send([subject ?? '', body ?? '']);
}
