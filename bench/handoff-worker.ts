import type { Lease } from '../src/core/lease.ts';
import { connect } from '../src/index.ts';
import type { Held } from '../src/index.ts';
import { BareClient, lockLease } from './bare.ts';
import { monotonic } from './statistics.ts';
import { serve } from './worker.ts';

const leasehold = await connect();
const bare = new BareClient();
const held = new Map<string, Held>();
const granted = new Map<string, Promise<number>>();
const changed = new Map<string, Promise<number>>();
const puts = new Map<string, string>();

const bareName = (name: string): string => `bare-${name}`;

serve({
  async hold(names: string[]) {
    for (const name of names) held.set(name, await leasehold.lock(name).acquire());
  },

  async wait(names: string[]) {
    for (const name of names) {
      const acquired = leasehold.lock(name).acquire();
      const grant = acquired.then((lock) => {
        const now = monotonic();
        held.set(name, lock);
        return now;
      });
      granted.set(name, grant);
    }
    return Promise.resolve();
  },

  granted: (name: string) => granted.get(name),

  release(name: string) {
    const start = monotonic();
    void held.get(name)?.release();
    return start;
  },

  /** Returns the resourceVersions. */
  async createBare(names: string[]) {
    const versions: string[] = [];
    for (const name of names) {
      const body = JSON.stringify(lockLease(bareName(name), 1));
      const lease = JSON.parse(await bare.send('POST', bare.collection, body)) as Lease;
      const { managedFields: _, ...metadata } = lease.metadata;
      const next = { ...lease, metadata, spec: { ...lease.spec, holderIdentity: 'next' } };
      puts.set(name, JSON.stringify(next));
      versions.push(lease.metadata.resourceVersion ?? '');
    }
    return versions;
  },

  async watchBare({ names, versions }: { names: string[]; versions: string[] }) {
    for (const [index, name] of names.entries()) {
      const arrived = Promise.withResolvers<number>();
      changed.set(name, arrived.promise);
      await bare.watch(bareName(name), versions[index] ?? '', () => {
        arrived.resolve(monotonic());
      });
    }
  },

  changed: (name: string) => changed.get(name),

  putBare(name: string) {
    const start = monotonic();
    void bare.send('PUT', `${bare.collection}/${bareName(name)}`, puts.get(name));
    return start;
  },

  async stop() {
    await leasehold.close();
    bare.close();
  },
});
