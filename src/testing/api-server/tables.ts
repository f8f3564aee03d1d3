import { humanDuration } from './duration.ts';
import type { Json, KubeObject } from './object.ts';
import { objectAt, printed, textAt } from './object.ts';

interface Column {
  readonly name: string;
  readonly description: string;
  /** Shown by `kubectl get -o wide` only. */
  readonly wide?: true;
  /** @param now - milliseconds since the epoch */
  readonly cell: (object: KubeObject, now: number) => unknown;
}

const NONE = '<none>';
const UNKNOWN = '<unknown>';

function age(time: unknown, now: number): string {
  const then = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(then) ? UNKNOWN : humanDuration(now - then);
}

const NAME: Column = {
  name: 'Name',
  description: 'Unique within a namespace.',
  cell: ({ metadata }) => metadata.name ?? '',
};
const AGE: Column = {
  name: 'Age',
  description: 'How long ago the object was created.',
  cell: ({ metadata }, now) => age(metadata.creationTimestamp, now),
};

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  leases: [
    NAME,
    {
      name: 'Holder',
      description: 'Who holds the Lease.',
      cell: (lease) => textAt(lease, 'spec', 'holderIdentity'),
    },
    AGE,
  ],
  configmaps: [
    NAME,
    {
      name: 'Data',
      description: 'The number of keys.',
      cell: (map) =>
        Object.keys(objectAt(map, 'data')).length + Object.keys(objectAt(map, 'binaryData')).length,
    },
    AGE,
  ],
  namespaces: [
    NAME,
    {
      name: 'Status',
      description: 'The phase of the namespace.',
      cell: (namespace) => textAt(namespace, 'status', 'phase'),
    },
    AGE,
  ],
  serviceaccounts: [NAME, AGE],
  services: [
    NAME,
    {
      name: 'Type',
      description: 'How the Service is exposed.',
      cell: (service) => textAt(service, 'spec', 'type'),
    },
    {
      name: 'Cluster-IP',
      description: 'Its address inside of the cluster.',
      cell: (service) => textAt(service, 'spec', 'clusterIP') || NONE,
    },
    {
      name: 'External-IP',
      description: 'Its addresses outside of the cluster.',
      cell: externalAddress,
    },
    { name: 'Port(s)', description: 'The ports that are exposed.', cell: ports },
    AGE,
    { name: 'Selector', description: 'Which Pods it leads to.', wide: true, cell: selector },
  ],
  pods: [
    NAME,
    { name: 'Ready', description: 'Ready containers of all.', cell: readiness },
    { name: 'Status', description: 'What the Pod is doing.', cell: podStatus },
    { name: 'Restarts', description: 'How often its containers were restarted.', cell: restarts },
    AGE,
    {
      name: 'IP',
      description: 'The address of the Pod.',
      wide: true,
      cell: (pod) => textAt(pod, 'status', 'podIP') || NONE,
    },
    {
      name: 'Node',
      description: 'Where it runs.',
      wide: true,
      cell: (pod) => textAt(pod, 'spec', 'nodeName') || NONE,
    },
    {
      name: 'Nominated Node',
      description: 'Where it is to run when others have been evicted.',
      wide: true,
      cell: (pod) => textAt(pod, 'status', 'nominatedNodeName') || NONE,
    },
    {
      name: 'Readiness Gates',
      description: 'Further conditions of being ready.',
      wide: true,
      cell: (pod) => {
        const gates = list(objectAt(pod, 'spec').readinessGates);
        return gates.length === 0 ? NONE : `0/${String(gates.length)}`;
      },
    },
  ],
  events: [
    { name: 'Last Seen', description: 'When it last occurred.', cell: lastSeen },
    { name: 'Type', description: 'Normal or Warning.', cell: (event) => textAt(event, 'type') },
    { name: 'Reason', description: 'Why, in a word.', cell: (event) => textAt(event, 'reason') },
    { name: 'Object', description: 'What it is about.', cell: involvedObject },
    {
      name: 'Subobject',
      description: 'The part of the object that it is about.',
      wide: true,
      cell: (event) => textAt(event, 'involvedObject', 'fieldPath'),
    },
    { name: 'Source', description: 'Who reported it.', wide: true, cell: source },
    {
      name: 'Message',
      description: 'What happened.',
      cell: (event) => textAt(event, 'message').trim(),
    },
    {
      name: 'First Seen',
      description: 'When it first occurred.',
      wide: true,
      cell: (event, now) => age(event.firstTimestamp ?? event.eventTime, now),
    },
    {
      name: 'Count',
      description: 'How often it occurred.',
      wide: true,
      cell: (event) => objectAt(event, 'series').count ?? event.count ?? 1,
    },
    { ...NAME, wide: true },
  ],
};

export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

/** What `kubectl get` shows of the objects stored so. */
export function columnsOf(storage: string): TableColumn[] {
  return (COLUMNS[storage] ?? []).map(({ name, description, wide }) => ({
    name,
    type: 'string',
    format: name === 'Name' ? 'name' : '',
    description,
    priority: wide ? 1 : 0,
  }));
}

/** @param now - milliseconds since the epoch */
export function cellsOf(object: KubeObject, storage: string, now: number): unknown[] {
  return (COLUMNS[storage] ?? []).map(({ cell }) => cell(object, now));
}

function externalAddress(service: KubeObject): string {
  const spec = objectAt(service, 'spec');
  const external = Array.isArray(spec.externalIPs) ? spec.externalIPs.join(',') : '';
  switch (spec.type) {
    case 'LoadBalancer':
      return external || '<pending>';
    case 'ExternalName':
      return textAt(service, 'spec', 'externalName');
    default:
      return external || NONE;
  }
}

function ports(service: KubeObject): string {
  const all = list(objectAt(service, 'spec').ports).map((port) => {
    const node = port.nodePort === undefined ? '' : `:${printed(port.nodePort)}`;
    return `${printed(port.port)}${node}/${textAt(port, 'protocol') || 'TCP'}`;
  });
  return all.join(',') || NONE;
}

function selector(service: KubeObject): string {
  const labels = Object.entries(objectAt(service, 'spec', 'selector'));
  return labels.map(([key, value]) => `${key}=${String(value)}`).join(',') || NONE;
}

function containerStatuses(pod: KubeObject): readonly Json[] {
  return list(objectAt(pod, 'status').containerStatuses);
}

function readiness(pod: KubeObject): string {
  const ready = containerStatuses(pod).filter((status) => status.ready === true).length;
  return `${String(ready)}/${String(list(objectAt(pod, 'spec').containers).length)}`;
}

function podStatus(pod: KubeObject): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  for (const status of containerStatuses(pod)) {
    const { waiting, terminated } = objectAt(status, 'state');
    const reason = textAt(waiting ?? terminated, 'reason');
    if (reason !== '') return reason;
  }
  return textAt(pod, 'status', 'reason') || textAt(pod, 'status', 'phase');
}

function restarts(pod: KubeObject): string {
  let count = 0;
  for (const status of containerStatuses(pod)) count += Number(status.restartCount ?? 0);
  return String(count);
}

function lastSeen(event: KubeObject, now: number): string {
  const series = objectAt(event, 'series');
  return age(series.lastObservedTime ?? event.lastTimestamp ?? event.eventTime, now);
}

function involvedObject(event: KubeObject): string {
  const kind = textAt(event, 'involvedObject', 'kind').toLowerCase();
  const name = textAt(event, 'involvedObject', 'name');
  return kind === '' && name === '' ? '' : `${kind}/${name}`;
}

function source(event: KubeObject): string {
  const component = textAt(event, 'source', 'component') || textAt(event, 'reportingComponent');
  const host = textAt(event, 'source', 'host') || textAt(event, 'reportingInstance');
  return host === '' ? component : `${component}, ${host}`;
}
