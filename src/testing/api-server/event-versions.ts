import type { KubeObject } from './object.ts';
import type { Resource } from './resources.ts';

/** Events are stored as core/v1 has them; events.k8s.io/v1 calls some fields otherwise. */
const RENAMED: readonly (readonly [core: string, events: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
];

const TO_CORE = new Map(RENAMED.map(([core, events]) => [events, core]));
const TO_EVENTS = new Map(RENAMED);

/** Fields that Go writes even when they are empty. */
const ALWAYS_THERE: Readonly<Record<string, unknown>> = {
  involvedObject: {},
  source: {},
  firstTimestamp: null,
  lastTimestamp: null,
  eventTime: null,
};
const ALWAYS_IN_CORE = { reportingComponent: '', reportingInstance: '' };

/** The object as it is stored. */
export function toStored(object: KubeObject, resource: Resource): KubeObject {
  if (resource.group !== 'events.k8s.io') return object;
  return { ...renamed(object, TO_CORE), kind: 'Event', apiVersion: 'v1' };
}

/** A stored object under the names of this resource's version, without anything added. */
export function inVersion(object: KubeObject, { group }: Resource): KubeObject {
  return group === 'events.k8s.io' ? renamed(object, TO_EVENTS) : object;
}

/** A stored object in the version of this resource. */
export function toVersion(object: KubeObject, resource: Resource): KubeObject {
  if (resource.storage !== 'events') return object;
  if (resource.group === '') return { ...object, ...missing(object, ALWAYS_IN_CORE) };
  const full = { ...object, ...missing(object, ALWAYS_THERE) };
  return { ...renamed(full, TO_EVENTS), kind: 'Event', apiVersion: 'events.k8s.io/v1' };
}

function missing(object: KubeObject, more: Readonly<Record<string, unknown>>): object {
  const always = { ...ALWAYS_THERE, ...more };
  return Object.fromEntries(Object.entries(always).filter(([key]) => object[key] === undefined));
}

function renamed(object: KubeObject, names: ReadonlyMap<string, string>): KubeObject {
  const entries = Object.entries(object).map(([key, value]) => [names.get(key) ?? key, value]);
  return Object.fromEntries(entries) as KubeObject;
}
