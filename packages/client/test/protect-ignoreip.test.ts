import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IgnoreIp } from '../src/protect-ignoreip.ts';
import { noFail2ban, RealFail2ban } from './enforcers/real-fail2ban.ts';
import { ip } from './make.ts';

test(
  'The ignoreip of each jail of a real fail2ban is read, and names are skipped aloud',
  { skip: noFail2ban },
  async () => {
    await using fail2ban = new RealFail2ban(['sshd', 'nginx', 'banshare']);
    await fail2ban.start();
    fail2ban.client('set', 'sshd', 'addignoreip', '203.0.113.7');
    fail2ban.client('set', 'sshd', 'addignoreip', '2001:db8:7::/48');
    fail2ban.client('set', 'nginx', 'addignoreip', '198.51.100.9/24');
    fail2ban.client('set', 'nginx', 'addignoreip', 'office.example.org');
    const skipped: string[] = [];
    const ignored = new IgnoreIp(fail2ban.socket, (text, jail) => skipped.push(`${jail} ${text}`));
    assert.equal(ignored.all.ruleFor(ip('203.0.113.7')), undefined);
    assert.equal(await ignored.read(), true);
    assert.deepEqual(skipped, ['nginx office.example.org']);
    const rule = "203.0.113.7/32 of fail2ban's ignoreip in jail sshd";
    assert.equal(ignored.of('sshd').ruleFor(ip('203.0.113.7')), rule);
    assert.match(ignored.of('sshd').ruleFor(ip('2001:db8:7::1')) ?? '', /jail sshd$/);
    assert.equal(ignored.of('nginx').ruleFor(ip('203.0.113.7')), undefined);
    assert.match(
      ignored.of('nginx').ruleFor(ip('198.51.100.1')) ?? '',
      /^198\.51\.100\.0\/24 of .* jail nginx$/,
    );
    assert.equal(ignored.of('a jail that is not there').ruleFor(ip('203.0.113.7')), rule);
    assert.equal(ignored.all.ruleFor(ip('203.0.113.7')), rule);

    fail2ban.client('set', 'sshd', 'delignoreip', '203.0.113.7');
    assert.equal(await ignored.read(), true);
    assert.equal(ignored.of('sshd').ruleFor(ip('203.0.113.7')), undefined);

    await fail2ban.end();
    assert.equal(await ignored.read(), false);
    assert.match(ignored.of('nginx').ruleFor(ip('198.51.100.1')) ?? '', /jail nginx$/);
  },
);
