import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connect } from '../../src/index.ts';
import type { LeaseholdEvent } from '../../src/index.ts';
import { ApiServer } from '../../src/testing/index.ts';
import { ApiClient } from '../cluster/client.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

let server: ApiServer;
let directory: string;

beforeEach(async () => {
  server = await ApiServer.start();
  directory = await mkdtemp(join(tmpdir(), 'leasehold-server-'));
});

afterEach(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

async function kubeconfigFor(name: string): Promise<{ token: string; kubeconfig: string }> {
  const token = server.token({ user: name });
  const kubeconfig = join(directory, name);
  await writeFile(kubeconfig, server.kubeconfig({ token }));
  return { token, kubeconfig };
}

describe('the library on the embedded API server', () => {
  it('hands a lock from one client to the next', async () => {
    const fences: bigint[] = [];
    let inside = 0;
    const clients = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        const { kubeconfig } = await kubeconfigFor(name);
        return connect({ kubeconfig, identity: name });
      }),
    );
    await Promise.all(
      clients.map(async (client) =>
        client.lock('shared').run(async ({ fence }) => {
          inside += 1;
          await setImmediate();
          expect(inside).toBe(1);
          inside -= 1;
          fences.push(fence);
        }),
      ),
    );
    expect(fences).toHaveLength(3);
    expect(fences).toEqual(fences.toSorted((a, b) => Number(a - b)));
    expect(new Set(fences).size).toBe(3);
    for (const client of clients) await client.close();
    expect(server.handler.store.list('leases')).toEqual([]);
  });

  it('loses a lock when it loses its API server, and others go on', async () => {
    const unlucky = await kubeconfigFor('unlucky');
    const lucky = await kubeconfigFor('lucky');
    const events: LeaseholdEvent[] = [];
    const first = await connect({
      kubeconfig: unlucky.kubeconfig,
      ttl: '2s',
      onEvent: (event) => events.push(event),
    });
    const second = await connect({ kubeconfig: lucky.kubeconfig, ttl: '2s' });
    const held = await first.lock('fragile').acquire();
    const end = server.interrupt({ token: unlucky.token, kind: 'stall' });
    const next = await second.lock('fragile').acquire();
    expect(held.valid).toBe(false);
    expect(held.signal.aborted).toBe(true);
    expect(next.fence).toBeGreaterThan(held.fence);
    end();
    await next.release();
    await Promise.all([first.close(), second.close()]);
  });

  it('goes on after a restart on the same port', async () => {
    const { kubeconfig } = await kubeconfigFor('patient');
    const client = await connect({ kubeconfig });
    const held = await client.lock('kept').acquire();
    const { port } = server;
    await server.stop();
    server = await ApiServer.start({ port, state: server.state() });
    expect(held.valid).toBe(true);
    await held.release();
    expect(server.handler.store.get('leases', 'default/kept')).toBeUndefined();
    await client.close();
  });
});

describe('interruptions', () => {
  it('reset the connections of one token and of no other', async () => {
    const token = server.token({ user: 'cut' });
    const cut = new ApiClient(server.url, server.ca, token);
    const other = new ApiClient(server.url, server.ca, server.adminToken);
    const end = server.interrupt({ token, kind: 'reset' });
    await expect(cut.request('GET', LEASES)).rejects.toThrow();
    expect((await other.request('GET', LEASES)).status).toBe(200);
    end();
    expect((await cut.request('GET', LEASES)).status).toBe(200);
    cut.closeConnections();
    other.closeConnections();
  });

  it('opens no watch for a client that has gone while its answer was held back', async () => {
    const gone = Promise.withResolvers<undefined>();
    await using own = await ApiServer.start({ onServed: () => gone.resolve(undefined) });
    const answer = own.handler.handle.bind(own.handler);
    const stalled = Promise.withResolvers<() => void>();
    vi.spyOn(own.handler, 'handle').mockImplementation((received) => {
      stalled.resolve(own.interrupt({ kind: 'stall' }));
      return answer(received);
    });
    const headers = { authorization: `Bearer ${own.adminToken}` };
    const call = request(`${own.url}${LEASES}?watch=true`, { ca: own.ca, headers });
    call.on('error', () => undefined).end();
    const end = await stalled.promise;
    call.destroy();
    await gone.promise;
    end();
    expect(own.handler.watches).toBe(0);
  });
});

describe('many Leases and watches', () => {
  it('holds 10,000 Leases, and tells one of 1,000 watches of a change', async () => {
    const { store } = server.handler;
    const agent = new Agent({ ca: server.ca, keepAlive: true, maxSockets: 1_100 });
    const headers = { authorization: `Bearer ${server.adminToken}` };
    const handle = (method: string, url: string, body: object): void => {
      const answer = server.handler.handle({ method, url, headers, body: JSON.stringify(body) });
      expect(answer.status).toBeLessThan(300);
    };
    for (let index = 0; index < 10_000; index += 1) {
      handle('POST', LEASES, { metadata: { name: `lease-${String(index)}` } });
    }
    expect(store.list('leases')).toHaveLength(10_000);
    const told: string[] = [];
    const enough = Promise.withResolvers<undefined>();
    const open = async (index: number): Promise<IncomingMessage> => {
      const name = `lease-${String(index)}`;
      const query = `watch=true&fieldSelector=metadata.name%3D${name}&resourceVersion=${String(store.revision)}`;
      const url = `${server.url}${LEASES}?${query}`;
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request(url, { agent, headers }, resolve).on('error', reject).end();
      });
      response.setEncoding('utf8').on('data', () => {
        told.push(name);
        if (told.length === 100) enough.resolve(undefined);
      });
      return response;
    };
    const responses: IncomingMessage[] = [];
    for (let first = 0; first < 1_000; first += 50) {
      const batch = Array.from({ length: 50 }, (_, index) => open(first + index));
      responses.push(...(await Promise.all(batch)));
    }
    expect(server.handler.watches).toBe(1_000);
    for (let index = 0; index < 100; index += 1) {
      handle('DELETE', `${LEASES}/lease-${String(index * 10)}`, {});
    }
    await enough.promise;
    expect(new Set(told).size).toBe(100);
    for (const response of responses) response.destroy();
    agent.destroy();
  });
});
