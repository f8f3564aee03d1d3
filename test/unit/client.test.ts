import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { identityOf, podClaims } from '../../src/client/identity.ts';
import { inClusterAccess, isInCluster } from '../../src/client/in-cluster.ts';
import { systemClock } from '../../src/client/system-clock.ts';
import { VERSION } from '../../src/client/version.ts';
import { connect } from '../../src/index.ts';

function bearer(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `Bearer ${part({ alg: 'RS256' })}.${part(claims)}.signature`;
}

const claims = {
  namespace: 'billing',
  pod: { name: 'billing-x2kq4', uid: '6f1c' },
  node: { name: 'node-1' },
};

describe('identity', () => {
  it('comes from the claims of a pod-bound token', () => {
    const pod = podClaims(bearer({ 'kubernetes.io': claims }));
    expect(pod).toEqual({
      namespace: 'billing',
      pod: 'billing-x2kq4',
      uid: '6f1c',
      node: 'node-1',
    });
    expect(identityOf({}, pod, 'billing', undefined)).toEqual({
      name: 'billing-x2kq4',
      owner: { apiVersion: 'v1', kind: 'Pod', name: 'billing-x2kq4', uid: '6f1c' },
    });
  });

  it('has no owner in another namespace: the garbage collector would end the session', () => {
    const pod = podClaims(bearer({ 'kubernetes.io': claims }));
    expect(identityOf({}, pod, 'other', undefined).owner).toBeUndefined();
  });

  it('is overridden by the environment', () => {
    const env = { POD_NAME: 'p', POD_UID: 'u', POD_NAMESPACE: 'n' };
    expect(identityOf(env, undefined, 'n', undefined)).toMatchObject({
      name: 'p',
      owner: { name: 'p', uid: 'u' },
    });
  });

  it.each([undefined, 'Bearer opaque', 'Basic eA==', 'Bearer a.b.c', bearer({ sub: 'me' })])(
    'is none in %s',
    (authorization) => {
      expect(podClaims(authorization)).toBeUndefined();
    },
  );
});

describe('in-cluster access', () => {
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };

  function serviceAccount(): string {
    const directory = mkdtempSync(join(tmpdir(), 'leasehold-account-'));
    writeFileSync(join(directory, 'ca.crt'), 'CA');
    writeFileSync(join(directory, 'namespace'), 'billing\n');
    writeFileSync(join(directory, 'token'), 'one\n');
    return directory;
  }

  it('reads the token again when it is refused, and after a minute', async () => {
    const directory = serviceAccount();
    let now = 0;
    const clock = { now: () => now, wall: () => 0, schedule: () => () => undefined };
    const access = inClusterAccess(env, clock, directory);
    expect(access.server).toBe('https://[fd00::1]:443');
    expect(access.namespace).toBe('billing');
    expect(await access.authorization(false)).toBe('Bearer one');
    writeFileSync(join(directory, 'token'), 'two');
    expect(await access.authorization(false)).toBe('Bearer one');
    expect(await access.authorization(true)).toBe('Bearer two');
    writeFileSync(join(directory, 'token'), 'three');
    now = 60_001;
    expect(await access.authorization(false)).toBe('Bearer three');
    rmSync(directory, { recursive: true });
  });

  it('is not chosen without a token, and says what is missing', () => {
    const directory = serviceAccount();
    expect(isInCluster(env, directory)).toBe(true);
    expect(isInCluster({}, directory)).toBe(false);
    rmSync(join(directory, 'token'));
    rmSync(join(directory, 'ca.crt'));
    expect(isInCluster(env, directory)).toBe(false);
    expect(() => inClusterAccess(env, systemClock(), directory)).toThrow(/ca.crt is missing/);
    rmSync(directory, { recursive: true });
  });
});

describe('systemClock', () => {
  it('never steps back', () => {
    const clock = systemClock();
    let last = clock.now();
    for (let count = 0; count < 1_000; count += 1) {
      const now = clock.now();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
  });
});

describe('connect', () => {
  it.each([
    [{ ttl: '1s' }, 'INVALID_ARGUMENT'],
    [{ ttl: 2_500 }, 'INVALID_ARGUMENT'],
    [{ ttl: 'soon' }, 'INVALID_ARGUMENT'],
    [{ namespace: 'Not_A_Namespace' }, 'INVALID_ARGUMENT'],
    [{ identity: '' }, 'INVALID_ARGUMENT'],
    [{ kubeconfig: '/nonexistent/kubeconfig' }, 'CONFIGURATION'],
  ])('refuses %o before any request', async (options, code) => {
    await expect(connect(options)).rejects.toMatchObject({ name: 'LeaseholdError', code });
  });

  it('tells its version as package.json does', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(VERSION).toBe(version);
  });
});
