import { describe, expect, it } from 'vitest';
import { containerOf } from '../../src/client/container.ts';
import { newSessionLease } from '../../src/core/session-lease.ts';

const UID = '0f0c6a1e-7b0a-4f0e-9d38-2b1f0a6f6a11';
const MOUNTS = `
1037 1022 0:52 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
1048 1037 8:1 /var/lib/kubelet/pods/${UID}/etc-hosts /etc/hosts rw,relatime - ext4 /dev/sda1 rw
1049 1037 8:1 /var/lib/kubelet/pods/${UID}/containers/main-app/5f0e9a7c /dev/termination-log rw,relatime - ext4 /dev/sda1 rw
1050 1037 8:1 /var/lib/containerd/sandboxes/7f/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw
`;

describe('the container of a process', () => {
  it("is named by the kubelet's own mount, wherever its directory is", () => {
    expect(containerOf({}, MOUNTS, UID)).toBe('main-app');
    expect(containerOf({}, MOUNTS.replaceAll('/var/lib/kubelet', '/kubelet'), UID)).toBe(
      'main-app',
    );
  });

  it('is not known from the mounts of another Pod, or from none', () => {
    expect(containerOf({}, MOUNTS, '00000000-0000-0000-0000-000000000000')).toBeUndefined();
    expect(containerOf({}, '', UID)).toBeUndefined();
  });

  it('is what LEASEHOLD_CONTAINER says', () => {
    expect(containerOf({ LEASEHOLD_CONTAINER: 'other' }, MOUNTS, UID)).toBe('other');
  });

  it('stands in the session, beside a label to select those of a Pod by', () => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'billing-0', uid: UID };
    const now = '2026-01-01T00:00:00.000000Z';
    const of = { name: 'x', namespace: 'n', identity: 'billing-0', ttl: 15, now };
    expect(newSessionLease({ ...of, owner, container: 'main-app' }).metadata).toMatchObject({
      labels: { 'leasehold.dev/role': 'session', 'leasehold.dev/pod-uid': UID },
      annotations: { 'leasehold.dev/container': 'main-app' },
    });
    expect(newSessionLease({ ...of, owner: undefined }).metadata).toEqual({
      name: 'x',
      namespace: 'n',
      labels: { 'leasehold.dev/role': 'session' },
    });
  });
});
