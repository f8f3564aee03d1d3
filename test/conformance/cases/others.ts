import { type Case, conform } from '../case.ts';
import type { ApiObject } from '../objects.ts';
import { configMap, RENEWED } from '../objects.ts';

const AUTHORIZATION = '/apis/authorization.k8s.io/v1';

function coreEvent(name: string, namespace: string, involved: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name },
    involvedObject: {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      name: involved,
      namespace,
    },
    reason: 'LeaderElection',
    message: 'me became leader',
    type: 'Normal',
    source: { component: 'conformance' },
    firstTimestamp: '2024-05-06T07:08:09Z',
    lastTimestamp: '2024-05-06T07:08:09Z',
    count: 1,
  };
}

function newEvent(name: string, namespace: string, regarding: string): object {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name },
    eventTime: RENEWED,
    reportingController: 'example.com/conformance',
    reportingInstance: 'conformance-1',
    action: 'Acquire',
    reason: 'LockAcquired',
    regarding: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', name: regarding, namespace },
    note: 'me took the lock',
    type: 'Normal',
  };
}

function service(name: string, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: 'x' }, ports: [{ port: 80 }], ...spec },
  };
}

/** Addresses are each server's own. */
function withoutAddresses(body: ApiObject): unknown {
  if (typeof body.spec !== 'object') return body;
  return { ...body, spec: { ...body.spec, clusterIP: '', clusterIPs: [] } };
}

const ADDRESSES = { compare: withoutAddresses };

export const otherCases: readonly Case[] = [
  conform('event: of the core group', [201, 200, 200], async (api) => {
    await api.post('events', coreEvent('a', api.namespace, 'lock'));
    await api.get('events/a');
    await api.mergePatch('events/a', { count: 2, lastTimestamp: '2024-05-06T07:09:09Z' });
  }),
  conform('event: of events.k8s.io', [201, 200], async (api) => {
    await api.post('events.events.k8s.io', newEvent('a', api.namespace, 'lock'));
    await api.get('events.events.k8s.io/a');
  }),
  // Both groups are views of the same objects.
  conform('event: of one group read in the other', [201, 200, 201, 200], async (api) => {
    await api.post('events', coreEvent('a', api.namespace, 'lock'));
    await api.get('events.events.k8s.io/a');
    await api.post('events.events.k8s.io', newEvent('b', api.namespace, 'lock'));
    await api.get('events/b');
  }),
  conform('event: by field selectors', [201, 201, 200, 200, 200, 400, 200], async (api) => {
    await api.post('events', coreEvent('a', api.namespace, 'lock'));
    await api.post('events', coreEvent('b', api.namespace, 'other'));
    await api.get('events?fieldSelector=involvedObject.name%3Dlock');
    await api.get('events?fieldSelector=involvedObject.kind%3DLease%2CinvolvedObject.name%3Dother');
    await api.get('events?fieldSelector=reason%3DNothing');
    await api.get('events?fieldSelector=message%3Dx');
    await api.get('events.events.k8s.io?fieldSelector=regarding.name%3Dlock');
  }),
  conform('event: of another namespace than its object', [422, 201], async (api) => {
    await api.post('events', coreEvent('a', 'elsewhere', 'lock'));
    await api.post('events.events.k8s.io', newEvent('b', 'elsewhere', 'lock'));
  }),
  conform('event: of events.k8s.io that is incomplete', [422, 422, 422, 422], async (api) => {
    const { action: _, ...event } = newEvent('a', api.namespace, 'lock') as { action: string };
    await api.post('events.events.k8s.io', event);
    await api.post('events.events.k8s.io', { ...event, action: 'x', eventTime: null });
    await api.post('events.events.k8s.io', { ...event, action: 'x', type: 'Odd' });
    await api.post('events.events.k8s.io', { ...event, action: 'x', reportingController: '' });
  }),
  conform('event: a generated name', [201], async (api) => {
    const event = coreEvent('', api.namespace, 'lock');
    await api.post('events', { ...event, metadata: { generateName: 'lock.' } });
  }),
  conform('event: delete', [201, 200, 404], async (api) => {
    await api.post('events', coreEvent('a', api.namespace, 'lock'));
    await api.delete('events/a');
    await api.get('events/a');
  }),
  conform('config map: create, update, delete', [201, 200, 409, 200, 200, 200], async (api) => {
    const { body } = await api.post('configmaps', configMap('a', { one: '1' }));
    const { resourceVersion } = body.metadata;
    await api.put('configmaps/a', configMap('a', { two: '2' }, { resourceVersion }));
    await api.put('configmaps/a', configMap('a', { three: '3' }, { resourceVersion }));
    await api.put('configmaps/a', configMap('a', { three: '3' }));
    await api.get('configmaps');
    await api.delete('configmaps/a');
  }),
  conform('service account: create, get and delete', [201, 200, 200], async (api) => {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a' } };
    await api.post('serviceaccounts', account);
    await api.get('serviceaccounts/a');
    await api.delete('serviceaccounts/a');
  }),
  conform('config map: watch', [201, 200, 200, 200], async (api) => {
    const { body } = await api.post('configmaps', configMap('a', { one: '1' }));
    const watch = await api.watch(`configmaps?resourceVersion=${body.metadata.resourceVersion}`);
    await api.mergePatch('configmaps/a', { data: { one: '2' } });
    await api.delete('configmaps/a');
    await watch.take(2);
  }),
  conform('config map: PUT does not create', [404, 404], async (api) => {
    await api.put('configmaps/a', configMap('a', { one: '1' }));
    await api.get('configmaps/a');
  }),
  conform('service: PUT creates', [201, 200], async (api) => {
    await api.put('services/a', service('a'), ADDRESSES);
    await api.get('services/a', ADDRESSES);
  }),
  conform('event: PUT creates, in both groups', [201, 200, 201, 200], async (api) => {
    await api.put('events/a', coreEvent('a', api.namespace, 'lock'));
    await api.get('events/a');
    await api.put('events.events.k8s.io/b', newEvent('b', api.namespace, 'lock'));
    await api.get('events.events.k8s.io/b');
  }),
  conform('service account: PUT does not create', [404, 404], async (api) => {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a' } };
    await api.put('serviceaccounts/a', account);
    await api.get('serviceaccounts/a');
  }),
  // That the real one gives such a Service no address family and no managed fields is nobody's wish.
  conform('service: PUT of a status creates, too', [201, 200], async (api) => {
    const compare = ({ kind, metadata: { name } }: ApiObject): object => ({ kind, name });
    await api.put('services/a/status', service('a'), { compare });
    await api.get('services/a', { compare });
  }),
  conform('config map: an unusable key and a wrong type', [422, 400], async (api) => {
    await api.post('configmaps', configMap('a', { 'a b': '1' }));
    await api.post('configmaps', configMap('a', { a: 1 }));
  }),
  conform('config map: immutable', [201, 422, 200], async (api) => {
    await api.post('configmaps', { ...configMap('a', { one: '1' }), immutable: true });
    await api.mergePatch('configmaps/a', { data: { one: '2' } });
    await api.mergePatch('configmaps/a', { metadata: { labels: { a: 'b' } } });
  }),
  conform('config map: as Table', [201, 200], async (api) => {
    await api.post('configmaps', configMap('a', { one: '1', two: '2' }));
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    await api.get('configmaps', { headers: { accept } });
  }),
  conform('service: create, get and delete', [201, 200, 200], async (api) => {
    await api.post('services', service('a'), ADDRESSES);
    await api.get('services/a', ADDRESSES);
    await api.delete('services/a', undefined, ADDRESSES);
  }),
  conform('service: a selector is moved', [201, 200], async (api) => {
    await api.post('services', service('a'), ADDRESSES);
    await api.mergePatch('services/a', { spec: { selector: { role: 'leader' } } }, ADDRESSES);
  }),
  conform('service: without an address', [201], async (api) => {
    await api.post('services', service('a', { clusterIP: 'None' }));
  }),
  conform('service: names and ports that cannot be', [201, 422, 422, 422], async (api) => {
    await api.post('services', service('1a'), ADDRESSES);
    await api.post('services', service('A'));
    await api.post('services', service('a', { ports: [] }));
    await api.post('services', service('b', { ports: [{ port: 0 }] }));
  }),
  conform('review: may I', [201], async (api) => {
    await api.post(
      `${AUTHORIZATION}/selfsubjectaccessreviews`,
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: {
          resourceAttributes: {
            namespace: api.namespace,
            verb: 'create',
            group: 'coordination.k8s.io',
            resource: 'leases',
          },
        },
      },
      { compare: ({ kind, apiVersion, spec, status }) => ({ kind, apiVersion, spec, status }) },
    );
  }),
  conform('review: may I, about nothing', [422], async (api) => {
    await api.post(`${AUTHORIZATION}/selfsubjectaccessreviews`, {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: {},
    });
  }),
  conform('review: what may I', [201], async (api) => {
    await api.post(
      `${AUTHORIZATION}/selfsubjectrulesreviews`,
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectRulesReview',
        spec: { namespace: api.namespace },
      },
      {
        // The real one adds what everybody may; the admin's own rule is the one that matters.
        compare: ({ kind, apiVersion, spec, status }) => {
          const { resourceRules, incomplete } = status as {
            resourceRules: { verbs: string[] }[];
            incomplete: boolean;
          };
          const everything = resourceRules.filter(({ verbs }) => verbs.includes('*'));
          return { kind, apiVersion, spec, incomplete, everything };
        },
      },
    );
  }),
  conform('review: cannot be read back', [405], async (api) => {
    await api.get(`${AUTHORIZATION}/selfsubjectaccessreviews`);
  }),
];
