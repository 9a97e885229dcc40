import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultGateways, tcpSockets } from '../../src/host/proc-net.ts';
import { folder } from '../make.ts';

// As Linux on x64 and arm64 wrote them.
const ROUTE = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT                                                       
eth0	00000000	FE0063CB	0003	0	0	0	00000000	0	0	0                                                                           
eth0	0071CB00	0A0063CB	0003	0	0	0	00FFFFFF	0	0	0                                                                           
eth1	00000000	00000000	0001	0	0	9	00000000	0	0	0                                                                           
eth0	006300CB	00000000	0001	0	0	0	00FFFFFF	0	0	0                                                                           
`;
const IPV6_ROUTE = `20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000254 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 00000000:08AE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000 100 0 0 10 0                      
   1: 0100007F:08AE 4D6433C6:AD39 01 00000000:00000000 02:000AFC79 00000000     0        0 12 2 0000000000000000 20 4 30 10 -1                    
   2: 0100007F:08AE 4D6433C6:AD40 06 00000000:00000000 02:000AFC79 00000000     0        0 0 2 0000000000000000 20 4 30 10 -1                    
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:08AE B80D0120000000000000000005000000:CA9F 01 00000000:00000000 02:000AFC9E 00000000     0        0 13 2 0000000000000000 20 4 30 10 -1
   1: 0000000000000000FFFF00000100007F:08AE 0000000000000000FFFF0000057100CB:CA9F 01 00000000:00000000 02:000AFC9E 00000000     0        0 14 2 0000000000000000 20 4 30 10 -1
`;

function written(files: Record<string, string>): ReturnType<typeof folder> {
  const scratch = folder();
  mkdirSync(join(scratch.path, 'net'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(scratch.path, 'net', name), text);
  return scratch;
}

test('defaultGateways() finds those of the default routes, IPv4 and IPv6, and no other', () => {
  using proc = written({ route: ROUTE, ipv6_route: IPV6_ROUTE });
  assert.deepEqual(defaultGateways(proc.path), ['203.99.0.254', '2001:db8::254']);
});

test('Without IPv6, or without anything to read, there is nothing', () => {
  using proc = written({ route: ROUTE });
  assert.deepEqual(defaultGateways(proc.path), ['203.99.0.254']);
  assert.deepEqual(defaultGateways('/nonexistent'), []);
  assert.deepEqual(tcpSockets('/nonexistent'), []);
});

test('tcpSockets() reads who listens and who is connected, and nothing that is closing', () => {
  using proc = written({ tcp: TCP, tcp6: TCP6 });
  assert.deepEqual(
    tcpSockets(proc.path).map(({ inode, peer, localPort }) => `${inode} ${localPort} ${peer ?? 'listens'}`),
    ['11 2222 listens', '12 2222 198.51.100.77', '13 2222 2001:db8::5', '14 2222 203.0.113.5'],
  );
});
