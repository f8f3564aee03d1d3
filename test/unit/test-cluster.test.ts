import { describe, expect, it } from 'vitest';
import { ApiServer, connectToServer, TestCluster } from '../../src/testing/index.ts';

describe('a test cluster', () => {
  it('answers without any advance, and tells who holds and who waits', async () => {
    await using cluster = new TestCluster();
    const first = cluster.process('first');
    const second = cluster.process('second');
    const held = await first.leasehold.lock('invoices').acquire();
    expect(cluster.holders('invoices')).toEqual(['first']);
    expect(await second.leasehold.lock('invoices').tryAcquire()).toBeUndefined();

    const next = second.leasehold.lock('invoices').acquire();
    await cluster.advance(0);
    expect(cluster.waiters('invoices')).toEqual(['second']);
    await held.release();
    await next;
    expect(cluster.holders('invoices')).toEqual(['second']);
    expect(cluster.waiters('invoices')).toEqual([]);
  });

  it('lets scheduled work be run in its time', async () => {
    await using cluster = new TestCluster();
    const ran: string[] = [];
    for (const name of ['first', 'second']) {
      const { leasehold } = cluster.process(name);
      const job = leasehold.once('report', { every: '1h', atMost: '10m' });
      void job.run(({ tick }) => ran.push(tick.toISOString().slice(11, 16)));
    }
    await cluster.advance('3h');
    expect(ran).toHaveLength(3);
    expect(new Set(ran).size).toBe(3);
  });

  it('names all who hold together, in the order in which they came', async () => {
    await using cluster = new TestCluster();
    for (const name of ['first', 'second', 'third']) {
      await cluster.process(name).leasehold.readWriteLock('config').read.acquire();
    }
    expect(cluster.holders('config')).toEqual(['first', 'second', 'third']);
    const writer = cluster.process('writer');
    const writing = writer.leasehold.readWriteLock('config').write.acquire();
    await cluster.advance(0);
    expect(cluster.waiters('config')).toEqual(['writer']);
    await Promise.allSettled([writer.leasehold.close(), writing]);
  });

  it('lets a ttl pass at once after a crash', async () => {
    await using cluster = new TestCluster();
    const first = cluster.process('first');
    const second = cluster.process('second');
    const lost = await first.leasehold.lock('invoices').acquire();
    const next = second.leasehold.lock('invoices').acquire();
    await cluster.advance('1s');
    first.crash();
    await cluster.advance('10s');
    expect(cluster.holders('invoices')).toEqual(['first']);
    await cluster.advance('15s');
    expect(cluster.holders('invoices')).toEqual(['second']);
    expect((await next).fence).toBeGreaterThan(lost.fence);
    expect(lost.valid).toBe(false);
  });

  it('takes a lock from a process that loses the API server, which notices by itself', async () => {
    await using cluster = new TestCluster();
    const first = cluster.process('first');
    const second = cluster.process('second');
    const held = await first.leasehold.lock('invoices').acquire();
    const { signal } = held;
    first.disconnect();
    await cluster.advance('12s');
    expect(signal.aborted).toBe(true);
    await cluster.settled(second.leasehold.lock('invoices').acquire());
    first.reconnect();
    const again = await cluster.settled(
      Promise.race([first.leasehold.lock('other').acquire(), Promise.resolve('waits')]),
    );
    expect(again).toBe('waits');
    await cluster.advance('30s');
    expect(cluster.holders('other')).toEqual(['first']);
  });

  it('pauses a holder past its ttl: it is lost when it goes on', async () => {
    await using cluster = new TestCluster();
    const first = cluster.process('first');
    const second = cluster.process('second');
    const held = await first.leasehold.lock('invoices').acquire();
    first.pause();
    const next = second.leasehold.lock('invoices').acquire();
    await cluster.advance('40s');
    await next;
    expect(held.valid).toBe(false);
    first.resume();
    await cluster.advance('1s');
    expect(held.signal.aborted).toBe(true);
    expect(first.events.map(({ type }) => type)).toContain('lost');
  });

  it('elects, and names the leader', async () => {
    await using cluster = new TestCluster();
    const first = cluster.process('first');
    const second = cluster.process('second');
    const term = await first.leasehold.election('controller').acquire();
    expect(cluster.leader('controller')).toBe('first');
    const next = second.leasehold.election('controller').acquire();
    await term.resign();
    await cluster.settled(next);
    expect(cluster.leader('controller')).toBe('second');
    await second.leasehold.close();
    expect(cluster.leader('controller')).toBeUndefined();
  });

  it('leaves nothing of a client that is closed, whatever the name of its lock', async () => {
    await using cluster = new TestCluster();
    const first = cluster.process('first');
    const second = cluster.process('second', { ttl: '5s' });
    await first.leasehold.lock('Any name, even this').acquire();
    await cluster.settled(first.leasehold.close());
    expect(cluster.holders('Any name, even this')).toEqual([]);
    await second.leasehold.lock('Any name, even this').acquire();
    expect(cluster.holders('Any name, even this')).toEqual(['second']);
  });

  it('keeps namespaces apart', async () => {
    await using cluster = new TestCluster();
    const [first, second] = [
      cluster.process('first'),
      cluster.process('second', { namespace: 'shop' }),
    ];
    await first.leasehold.lock('invoices').acquire();
    await second.leasehold.lock('invoices').acquire();
    expect(cluster.holders('invoices')).toEqual(['first']);
    expect(cluster.holders('invoices', { namespace: 'shop' })).toEqual(['second']);
    expect(() => cluster.process('third', { namespace: 'No Namespace' })).toThrow(TypeError);
  });
});

describe('a client on an embedded API server', () => {
  it('takes and gives back a lock over HTTPS', async () => {
    await using server = await ApiServer.start();
    await using leasehold = await connectToServer(server, { identity: 'test' });
    const fence = await leasehold.lock('invoices').run((held) => held.fence);
    expect(fence).toBeGreaterThan(0n);
    expect(leasehold.namespace).toBe('default');
  });
});
