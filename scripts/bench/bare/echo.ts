// A ROUTER that sends back what it receives.
import { Router } from 'zeromq';

const [, , secretKey = ''] = process.argv;
const router = new Router({ linger: 0, backlog: 1024, curveServer: true, curveSecretKey: secretKey });
await router.bind('tcp://127.0.0.1:*');
console.log(`ready ${router.lastEndpoint}`);
for await (const frames of router) await router.send(frames);
