import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterAccess } from '../cluster/access.ts';
import { startElector } from '../cluster/elector.ts';
import type { Elector } from '../cluster/elector.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { client, readLease } from './world.ts';
import type { Client } from './world.ts';

interface Times {
  readonly leaseDuration: number;
  readonly renewDeadline: number;
  readonly retryPeriod: number;
}

/** Milliseconds. Nothing lapses in these. */
const LONG: Times = { leaseDuration: 30_000, renewDeadline: 20_000, retryPeriod: 200 };
/** Those of `candidate.ts` too. */
const SHORT: Times = { leaseDuration: 6_000, renewDeadline: 4_000, retryPeriod: 200 };
const ROUNDS = 100;

let cluster: ClusterAccess;
let namespace: string;
let own: Client;

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.createNamespace();
  own = await client(cluster, namespace, { identity: 'own' });
});

afterAll(async () => {
  await own.leasehold.close();
  await cluster.deleteNamespace(namespace);
});

function elector(name: string, times: Times): Promise<Elector> {
  return startElector({
    kubeconfigPath: cluster.kubeconfigPath,
    namespace,
    name,
    identity: 'client-go',
    leaseDurationMilliseconds: times.leaseDuration,
    renewDeadlineMilliseconds: times.renewDeadline,
    retryPeriodMilliseconds: times.retryPeriod,
    releaseOnCancel: true,
  });
}

describe('an election shared with client-go', () => {
  it(`is handed over ${String(2 * ROUNDS)} times, and nobody leads beside another`, async () => {
    const name = 'shared';
    const election = own.leasehold.election(name, LONG);
    const go = await elector(name, LONG);
    let transitions = -1;
    let fence = 0n;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const theirs = await go.waitFor('started-leading', round);
      const led = await readLease(cluster, namespace, name);
      expect(led?.spec?.holderIdentity).toBe('client-go');
      expect(led?.spec?.leaseTransitions).toBeGreaterThan(transitions);
      transitions = led?.spec?.leaseTransitions ?? 0;

      const campaign = election.acquire();
      const releasedAt = Date.now();
      go.release(2 * LONG.retryPeriod);
      const term = await campaign;
      // Their claim ends when they are told to release, ours begins now.
      expect(Date.now()).toBeGreaterThanOrEqual(releasedAt);
      expect(releasedAt).toBeGreaterThanOrEqual(Math.floor(theirs.unixMilliseconds));
      expect(term.fence).toBeGreaterThan(fence);
      fence = term.fence;
      const lease = await readLease(cluster, namespace, name);
      const spec = lease?.spec;
      expect(spec).toMatchObject({
        holderIdentity: election.identity,
        leaseDurationSeconds: 30,
        leaseTransitions: transitions + 1,
      });
      expect(spec?.acquireTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      transitions += 1;
      const ended = Date.now();
      await term.resign();
      const next = await go.waitFor('started-leading', round + 1);
      expect(next.unixMilliseconds).toBeGreaterThanOrEqual(ended);
    }
    await go.quit();
    const last = await readLease(cluster, namespace, name);
    // What client-go leaves behind and what we leave behind is the same.
    const term = await election.acquire();
    await term.resign();
    const ours = await readLease(cluster, namespace, name);
    expect(Object.keys(ours?.spec ?? {}).sort()).toEqual(Object.keys(last?.spec ?? {}).sort());
    expect(ours?.spec).toMatchObject({
      holderIdentity: last?.spec?.holderIdentity ?? '',
      leaseDurationSeconds: last?.spec?.leaseDurationSeconds,
      leaseTransitions: (last?.spec?.leaseTransitions ?? 0) + 1,
    });
  }, 600_000);

  it('is taken over after a crash of client-go, and not before its lease has run out', async () => {
    const name = 'crash-of-theirs';
    const go = await elector(name, SHORT);
    await go.waitFor('started-leading');
    const campaign = own.leasehold.election(name, SHORT).acquire();
    await go.kill();
    const lastRenewal = Date.parse(
      (await readLease(cluster, namespace, name))?.spec?.renewTime ?? '',
    );
    const term = await campaign;
    expect(Date.now() - lastRenewal).toBeGreaterThanOrEqual(SHORT.leaseDuration - 50);
    await term.resign();
  });

  it('is taken over by client-go after a crash of ours, and not before', async () => {
    const name = 'crash-of-ours';
    const script = new URL('candidate.ts', import.meta.url).pathname;
    const ours = spawn(process.execPath, [script, cluster.kubeconfigPath, namespace, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(ours.stdout, 'data');
    const go = await elector(name, SHORT);
    ours.kill('SIGKILL');
    await once(ours, 'exit');
    const lastRenewal = Date.parse(
      (await readLease(cluster, namespace, name))?.spec?.renewTime ?? '',
    );
    const theirs = await go.waitFor('started-leading');
    expect(theirs.unixMilliseconds - lastRenewal).toBeGreaterThanOrEqual(SHORT.leaseDuration - 50);
    await go.quit();
  });
});
