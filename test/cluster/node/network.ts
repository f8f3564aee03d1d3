import { randomBytes, randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { runCommand } from './command.ts';

/**
 * Joins the network of a process and ours by a pair of devices, which goes with the process's network.
 *
 * @returns the address of the process's end
 */
export async function connectTo(pid: number): Promise<string> {
  const [ours, theirs] = freeAddresses();
  const device = `lease${randomBytes(3).toString('hex')}`;
  const here = (words: string): Promise<string> => runCommand('ip', ...words.split(' '));
  const there = (words: string): Promise<string> =>
    runCommand('nsenter', '--target', String(pid), '--net', '--', ...words.split(' '));
  await here(`link add ${device} type veth peer name eth0 netns ${String(pid)}`);
  await here(`address add ${ours}/30 dev ${device}`);
  await here(`link set ${device} up`);
  await there('ip link set lo up');
  await there(`ip address add ${theirs}/30 dev eth0`);
  await there('ip link set eth0 up');
  // Without a default route the kernel refuses what kube-proxy would redirect.
  await there(`ip route add default via ${ours}`);
  await there('sysctl --quiet --write net.ipv4.ip_forward=1');
  return theirs;
}

/**
 * Two neighbours that no device of this host has, so that several nodes can run at once; of the range
 * that is set aside for tests of networks (RFC 2544).
 */
function freeAddresses(): readonly [string, string] {
  const used = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  for (;;) {
    const network = `198.18.${String(randomInt(256))}.`;
    if (used.some(({ address }) => address.startsWith(network))) continue;
    const first = 4 * randomInt(64);
    return [`${network}${String(first + 1)}`, `${network}${String(first + 2)}`];
  }
}
