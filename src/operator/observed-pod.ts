import { CONTAINER_ANNOTATION } from '../core/lease.ts';

/** Which election a Pod leads; the operator writes it. */
export const LEADER_LABEL = 'leasehold.dev/leader';
/** Under whose name the API server notes the labels that the operator writes. */
export const LABELLER = 'leasehold-operator';

/** One run of a container that has ended, as the kubelet reports it. */
export interface Termination {
  readonly containerID: string;
  /** On the node's clock, to the second: milliseconds since the epoch. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /**
   * When the server stored the first report of this end, by its clock, to the second: milliseconds since
   * the epoch. Undefined if it was reported late, after the next run had begun, or not heard at that moment.
   */
  readonly reportedAt: number | undefined;
  readonly reason: string;
  readonly exitCode: number | undefined;
}

export interface ObservedContainer {
  readonly name: string;
  /** Runs once before the others, and is over before they begin. */
  readonly isInit: boolean;
  /** Whether the kubelet has not told that it has ended: what waits may begin, and what was lost may run. */
  readonly mayRun: boolean;
  /** Those that are proven, the latest first. */
  readonly terminations: readonly Termination[];
}

/** What is kept of a Pod: a few percent of it. */
export interface ObservedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** On the server's clock, to the second: milliseconds since the epoch. */
  readonly createdAt: number | undefined;
  /** Where it runs; empty while it is not scheduled. */
  readonly node: string;
  /** What its processes are told; undefined for a Pod in the network of its node: the node's. */
  readonly hostname: string | undefined;
  /** The one whose process holds Leases, as the Pod's annotation names it. */
  readonly holdingContainer: string | undefined;
  readonly leads: LeaderLabel | undefined;
  readonly containers: readonly ObservedContainer[];
}

interface LeaderLabel {
  readonly value: string;
  /** Whether an operator has written it. */
  readonly isOurs: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/** What the kubelet writes when it has lost sight of a container: a guess, and no proof. */
const GUESS = 'ContainerStatusUnknown';
const MOST_HOSTNAME_CHARACTERS = 63;

/**
 * Reads what a Pod proves about its containers; undefined when it is no Pod.
 *
 * The only evidence is the end of a container as its runtime told it to the kubelet: `terminated` of
 * `state` or `lastState`, with the ID of the container and the times of its start and end. Neither
 * the phase nor reason, conditions or deletion of the Pod count: others than the kubelet write those,
 * and the kubelet writes them while processes run.
 */
export function observedPod(pod: unknown): ObservedPod | undefined {
  const metadata = at(pod, 'metadata');
  const namespace = text(metadata.namespace);
  const name = text(metadata.name);
  const uid = text(metadata.uid);
  if (namespace === '' || name === '' || uid === '') return undefined;
  const spec = at(pod, 'spec');
  const status = at(pod, 'status');
  const writtenAt = statusWrittenAt(metadata);
  const read = (inSpec: string, inStatus: string): ObservedContainer[] => {
    const statuses = list(status[inStatus]);
    return list(spec[inSpec]).map((container) => {
      const containerName = text(container.name);
      const own = statuses.filter((one) => text(one.name) === containerName);
      const isInit = inSpec === 'initContainers' && container.restartPolicy !== 'Always';
      // Two statuses of one container contradict each other.
      const terminations = own.length === 1 && own[0] ? terminationsOf(own[0], writtenAt) : [];
      const mayRun = own.length !== 1 || !hasEnded(own[0]);
      return { name: containerName, isInit, mayRun, terminations };
    });
  };
  const containers = [
    ...read('containers', 'containerStatuses'),
    ...read('initContainers', 'initContainerStatuses'),
    ...read('ephemeralContainers', 'ephemeralContainerStatuses'),
  ];
  const label = text(at(metadata, 'labels')[LEADER_LABEL]);
  return {
    namespace,
    name,
    uid,
    resourceVersion: text(metadata.resourceVersion),
    createdAt: moment(metadata.creationTimestamp),
    node: text(spec.nodeName),
    hostname: hostnameOf(name, spec),
    holdingContainer: text(at(metadata, 'annotations')[CONTAINER_ANNOTATION]) || undefined,
    leads: label === '' ? undefined : { value: label, isOurs: isLabelledByUs(metadata) },
    containers,
  };
}

/** As the kubelet sets it: a hostname has no more than 63 characters. */
function hostnameOf(name: string, spec: Json): string | undefined {
  if (spec.hostNetwork === true) return undefined;
  const chosen = text(spec.hostnameOverride) || text(spec.hostname);
  return chosen || name.slice(0, MOST_HOSTNAME_CHARACTERS).replace(/[-.]+$/, '');
}

/**
 * The Pod, with those reports of ends that were heard as they came.
 *
 * @param before - as it was known
 * @param isHeard - whether no state in between can have been missed
 */
export function withReports(
  pod: ObservedPod,
  before: ObservedPod | undefined,
  isHeard: boolean,
): ObservedPod {
  const known = new Map(
    before?.containers
      .flatMap(({ terminations }) => terminations)
      .map(({ containerID, reportedAt }) => [containerID, reportedAt]),
  );
  const reportOf = ({ containerID, reportedAt }: Termination): number | undefined => {
    if (known.has(containerID)) return known.get(containerID);
    return isHeard && before ? reportedAt : undefined;
  };
  const containers = pod.containers.map((container) => ({
    ...container,
    terminations: container.terminations.map((one) => ({ ...one, reportedAt: reportOf(one) })),
  }));
  return { ...pod, containers };
}

function isLabelledByUs(metadata: Json): boolean {
  return list(metadata.managedFields).some(({ manager, fieldsV1 }) => {
    const labels = at(at(at({ fieldsV1 }, 'fieldsV1'), 'f:metadata'), 'f:labels');
    return manager === LABELLER && `f:${LEADER_LABEL}` in labels;
  });
}

const STATUSES = ['f:containerStatuses', 'f:initContainerStatuses', 'f:ephemeralContainerStatuses'];

/** When the server last stored the states of containers, by its clock. */
function statusWrittenAt(metadata: Json): number | undefined {
  const times = list(metadata.managedFields)
    .filter(({ fieldsV1 }) => {
      const status = at(at({ fieldsV1 }, 'fieldsV1'), 'f:status');
      return STATUSES.some((field) => field in status);
    })
    .map(({ time }) => moment(time))
    .filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.max(...times);
}

function terminationsOf(status: Json, writtenAt: number | undefined): Termination[] {
  const state = at(status, 'state');
  const found = [
    termination(at(state, 'terminated'), writtenAt),
    termination(at(at(status, 'lastState'), 'terminated'), undefined),
  ].filter((one) => one !== undefined);
  // A container that runs cannot have ended.
  const running = state.running === undefined ? undefined : at(state, 'running');
  if (running && found.some(({ containerID }) => containerID === text(status.containerID)))
    return [];
  // A run did not begin before the one that it replaces ended, whether it goes on or not: else the clock of
  // the node was set back meanwhile, and no time of it can be compared.
  const latest = running ?? at(state, 'terminated');
  const began = moment(latest.startedAt);
  const earlier = found.filter(({ containerID }) => containerID !== latest.containerID);
  if (running && began === undefined) return [];
  if (began !== undefined && earlier.some(({ finishedAt }) => finishedAt > began)) return [];
  return found.toSorted((a, b) => b.finishedAt - a.finishedAt);
}

function hasEnded(status: Json | undefined): boolean {
  const { containerID, reason } = at(at(status, 'state'), 'terminated');
  return text(containerID) !== '' && reason !== GUESS;
}

function termination(terminated: Json, reportedAt: number | undefined): Termination | undefined {
  const containerID = text(terminated.containerID);
  const startedAt = moment(terminated.startedAt);
  const finishedAt = moment(terminated.finishedAt);
  const reason = text(terminated.reason);
  if (containerID === '' || reason === GUESS) return undefined;
  if (startedAt === undefined || finishedAt === undefined || startedAt > finishedAt) {
    return undefined;
  }
  const exitCode = typeof terminated.exitCode === 'number' ? terminated.exitCode : undefined;
  return { containerID, startedAt, finishedAt, reportedAt, reason, exitCode };
}

/** Neither Go's zero time nor Unix' is one at which a container ended. */
function moment(value: unknown): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) || time <= 0 ? undefined : time;
}

function at(value: unknown, key: string): Json {
  const found = isObject(value) ? value[key] : undefined;
  return isObject(found) ? found : {};
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
