import { beforeEach, describe, expect, it } from 'vitest';
import { podClaims } from '../../src/client/identity.ts';
import type { ApiHandlerOptions } from '../../src/testing/index.ts';
import { LEASES, Served } from './api-server-served.ts';
import type { WatchEvent } from './api-server-served.ts';

function told(events: readonly WatchEvent[]): string[] {
  return events.map(({ type, object }) => `${type} ${object.metadata.name}`);
}

let served: Served;

beforeEach(() => {
  served = new Served();
});

describe('a watch', () => {
  it('tells a name its own changes, and a deletion', () => {
    const watch = served.watch('fieldSelector=metadata.name%3Da');
    served.create('a');
    served.create('b');
    served.patch('a', { spec: { holderIdentity: 'x' } });
    served.send('DELETE', `${LEASES}/a`);
    expect(told(watch.events)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    watch.close();
    served.create('a');
    expect(watch.events).toHaveLength(3);
    expect(served.handler.watches).toBe(0);
  });

  it('adds what begins to match its labels, and deletes what ceases to', () => {
    const watch = served.watch('labelSelector=x%3Dy');
    served.create('a');
    served.patch('a', { metadata: { labels: { x: 'y' } } });
    served.patch('a', { spec: { holderIdentity: 'h' } });
    served.patch('a', { metadata: { labels: { x: null } } });
    expect(told(watch.events)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    watch.close();
  });

  it('sends a bookmark a minute, one before its end, and then ends', async () => {
    const from = served.create('before').metadata.resourceVersion;
    const query = `resourceVersion=${from}&allowWatchBookmarks=true&timeoutSeconds=150`;
    const watch = served.watch(query);
    await served.time.advance(60_000);
    expect(watch.events.map(({ type }) => type)).toEqual(['BOOKMARK']);
    served.create('a');
    await served.time.advance(88_000);
    expect(watch.events.map(({ type }) => type)).toEqual([
      'BOOKMARK',
      'ADDED',
      'BOOKMARK',
      'BOOKMARK',
    ]);
    const last = watch.events.at(-1)?.object.metadata.resourceVersion;
    expect(last).toBe(String(served.handler.store.revision));
    expect(watch.ended).toBe(false);
    await served.time.advance(2_000);
    expect(watch.ended).toBe(true);
  });

  it('goes on from a version, and is told 410 when that is compacted', () => {
    const first = served.create('a').metadata.resourceVersion;
    served.create('b');
    expect(told(served.watch(`resourceVersion=${first}`).events)).toEqual(['ADDED b']);
    served.create('c');
    served.handler.store.compact();
    const late = served.watch(`resourceVersion=${first}`);
    expect(late.events).toMatchObject([
      { type: 'ERROR', object: { code: 410, reason: 'Expired' } },
    ]);
    expect(late.ended).toBe(true);
  });

  it('stays silent from a version that is yet to come', () => {
    const { revision } = served.handler.store;
    const watch = served.watch(`resourceVersion=${String(revision + 2)}`);
    served.create('a');
    served.create('b');
    expect(watch.events).toEqual([]);
    served.create('c');
    expect(told(watch.events)).toEqual(['ADDED c']);
    watch.close();
  });
});

describe('a list', () => {
  it('is continued as of its first part, and is told 410 when that is compacted', () => {
    for (const name of ['a', 'b', 'c']) served.create(name);
    const first = served.send('GET', `${LEASES}?limit=1`).body;
    served.send('DELETE', `${LEASES}/b`);
    served.create('bb');
    const next = `${LEASES}?limit=5&continue=${first.metadata.continue ?? ''}`;
    const names = served.send('GET', next).body.items?.map(({ metadata }) => metadata.name);
    expect(names).toEqual(['b', 'c']);
    served.handler.store.compact();
    const refused = served.send('GET', next);
    expect(refused).toMatchObject({ status: 410, body: { reason: 'Expired' } });
    const inconsistent = `${LEASES}?continue=${refused.body.metadata.continue ?? ''}`;
    const rest = served.send('GET', inconsistent).body.items?.map(({ metadata }) => metadata.name);
    expect(rest).toEqual(['bb', 'c']);
  });

  it('keeps a bounded history', () => {
    served = new Served({ history: 10 });
    const { resourceVersion } = served.create('a').metadata;
    for (let count = 0; count < 30; count += 1) {
      served.patch('a', { metadata: { labels: { count: String(count) } } });
    }
    const watch = served.watch(`resourceVersion=${resourceVersion}`);
    expect(watch.events).toMatchObject([{ type: 'ERROR', object: { code: 410 } }]);
  });
});

describe('field managers', () => {
  it('have the time of their own last change', async () => {
    const age = (name: string): string | undefined =>
      served
        .send('GET', `${LEASES}/a`)
        .body.metadata.managedFields?.find(({ manager }) => manager === name)?.time;
    served.create('a');
    served.patch('a', { spec: { renewTime: '2026-01-01T00:00:00.000000Z' } });
    const before = age('test');
    await served.time.advance(60_000);
    const headers = {
      'content-type': 'application/merge-patch+json',
      'user-agent': 'kubectl/v1',
    };
    served.send('PATCH', `${LEASES}/a`, { metadata: { labels: { x: 'y' } } }, headers);
    expect(age('test')).toBe(before);
    expect(age('kubectl')).not.toBe(before);
  });
});

describe('what happens by itself', () => {
  const pods = '/api/v1/namespaces/default/pods';
  const container = { containers: [{ name: 'main', image: 'none' }] };

  it('removes the Leases of a Pod that is gone, and those of none that ever was', async () => {
    const pod = served.send('POST', pods, { metadata: { name: 'p' }, spec: container }).body;
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p' };
    served.create('session', { ownerReferences: [{ ...owner, uid: pod.metadata.uid }] });
    served.create('orphan', { ownerReferences: [{ ...owner, uid: 'another' }] });
    await served.time.advance(1_000);
    expect(served.send('GET', `${LEASES}/orphan`).status).toBe(404);
    expect(served.send('GET', `${LEASES}/session`).status).toBe(200);
    served.send('DELETE', `${pods}/p`);
    await served.time.advance(1_000);
    expect(served.send('GET', `${LEASES}/session`).status).toBe(404);
  });

  it('ends a namespace when what is in it has gone', async () => {
    const leases = LEASES.replace('default', 'n');
    served.send('POST', '/api/v1/namespaces', { metadata: { name: 'n' } });
    served.send('POST', leases, { metadata: { name: 'a' } });
    served.send('POST', leases, { metadata: { name: 'b', finalizers: ['example.com/kept'] } });
    served.send('DELETE', '/api/v1/namespaces/n');
    expect(served.send('POST', leases, { metadata: { name: 'c' } })).toMatchObject({
      status: 403,
      body: { details: { causes: [{ reason: 'NamespaceTerminating' }] } },
    });
    await served.time.advance(1_000);
    expect(served.send('GET', `${leases}/a`).status).toBe(404);
    expect(served.send('GET', '/api/v1/namespaces/n').status).toBe(200);
    const headers = { 'content-type': 'application/merge-patch+json' };
    served.send('PATCH', `${leases}/b`, { metadata: { finalizers: null } }, headers);
    await served.time.advance(1_000);
    expect(served.send('GET', '/api/v1/namespaces/n').status).toBe(404);
  });

  it('gives a Pod on a node its time, and one on none no time', () => {
    served.send('POST', pods, { metadata: { name: 'free' }, spec: container });
    served.send('POST', pods, {
      metadata: { name: 'bound' },
      spec: { ...container, nodeName: 'n' },
    });
    served.send('DELETE', `${pods}/free`);
    served.send('DELETE', `${pods}/bound`);
    expect(served.send('GET', `${pods}/free`).status).toBe(404);
    expect(served.send('GET', `${pods}/bound`).status).toBe(200);
    served.send('DELETE', `${pods}/bound?gracePeriodSeconds=0`);
    expect(served.send('GET', `${pods}/bound`).status).toBe(404);
  });
});

describe('tokens', () => {
  it('are refused when they were changed, and when their Pod is gone', () => {
    const pods = '/api/v1/namespaces/default/pods';
    const spec = { nodeName: 'node-1', containers: [{ name: 'main', image: 'none' }] };
    const pod = served.send('POST', pods, { metadata: { name: 'p' }, spec }).body;
    const path = '/api/v1/namespaces/default/serviceaccounts/default/token';
    const request = { spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } } };
    const token = served.send('POST', path, request).body.status?.token ?? '';
    expect(podClaims(`Bearer ${token}`)).toEqual({
      namespace: 'default',
      pod: 'p',
      uid: pod.metadata.uid,
      node: 'node-1',
    });
    const admin = served.token;
    served.token = token;
    expect(served.send('GET', LEASES).status).toBe(200);
    served.token = admin;
    served.send('DELETE', `${pods}/p?gracePeriodSeconds=0`);
    served.token = token;
    expect(served.send('GET', LEASES)).toMatchObject({
      status: 401,
      body: { reason: 'Unauthorized' },
    });
    served.token = `${admin}x`;
    expect(served.send('GET', LEASES).status).toBe(401);
  });
});

describe('the state', () => {
  it('goes on with another handler: objects, versions, and no history', () => {
    const before = served.create('a').metadata;
    const state = JSON.parse(JSON.stringify(served.handler.store.state())) as NonNullable<
      ApiHandlerOptions['state']
    >;
    const next = new Served({ state });
    expect(next.send('GET', `${LEASES}/a`).body.metadata).toEqual(before);
    const { resourceVersion } = next.create('b').metadata;
    expect(Number(resourceVersion)).toBe(Number(before.resourceVersion) + 1);
    const late = next.watch(`resourceVersion=${String(Number(before.resourceVersion) - 1)}`);
    expect(late.events).toMatchObject([{ type: 'ERROR', object: { code: 410 } }]);
  });
});
