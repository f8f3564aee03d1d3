import type { Random } from '../../core/clock.ts';
import type { Json, KubeObject } from './object.ts';
import { objectAt, withMetadata } from './object.ts';

/** What the API server fills in before it notes who wrote what. */
export function withDefaults(object: KubeObject, storage: string): KubeObject {
  switch (storage) {
    case 'pods':
      return podWithDefaults(object);
    case 'services':
      return serviceWithDefaults(object);
    case 'namespaces':
      return withMetadata(object, {
        labels: {
          ...object.metadata.labels,
          'kubernetes.io/metadata.name': object.metadata.name ?? '',
        },
      });
    default:
      return object;
  }
}

/**
 * Without what is behind a feature gate that is off by default: dropped without a word, but only
 * after it has been noted who wrote it.
 */
export function withoutGatedFields(object: KubeObject, storage: string): KubeObject {
  if (storage !== 'leases') return object;
  const { strategy: _, preferredHolder: __, ...spec } = objectAt(object, 'spec');
  return { ...object, spec };
}

function podWithDefaults(pod: KubeObject): KubeObject {
  const spec = objectAt(pod, 'spec');
  const containers = (Array.isArray(spec.containers) ? spec.containers : []) as Json[];
  return {
    ...pod,
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
      ...spec,
      containers: containers.map((container) => ({
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: pullPolicy(typeof container.image === 'string' ? container.image : ''),
        ...container,
      })),
    },
  };
}

function pullPolicy(image: string): string {
  const tag = /:([^/:@]+)$/.exec(image)?.[1];
  return image.includes('@') || (tag !== undefined && tag !== 'latest') ? 'IfNotPresent' : 'Always';
}

function serviceWithDefaults(service: KubeObject): KubeObject {
  const spec = objectAt(service, 'spec');
  const ports = (Array.isArray(spec.ports) ? spec.ports : []) as Json[];
  return {
    ...service,
    spec: {
      sessionAffinity: 'None',
      type: 'ClusterIP',
      internalTrafficPolicy: 'Cluster',
      ...spec,
      ...(ports.length === 0
        ? {}
        : { ports: ports.map((port) => ({ targetPort: port.port, ...port })) }),
    },
  };
}

/** What the API server itself adds to a new object; nobody is noted as its writer. */
export function withInitialState(object: KubeObject, storage: string, random: Random): KubeObject {
  switch (storage) {
    case 'namespaces':
      return { ...object, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
    case 'services':
      return withClusterIp(object, random);
    case 'pods':
      return admittedPod(object);
    default:
      return object;
  }
}

function withClusterIp(service: KubeObject, random: Random): KubeObject {
  const spec = objectAt(service, 'spec');
  if (spec.type === 'ExternalName') return service;
  const number = 1 + Math.floor(random() * 65_533);
  const allocated = `10.96.${String(number >> 8)}.${String(number & 255)}`;
  const clusterIP = typeof spec.clusterIP === 'string' ? spec.clusterIP : allocated;
  return {
    ...service,
    spec: {
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ...spec,
      clusterIP,
    },
  };
}

const TOLERATED = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

function admittedPod(pod: KubeObject): KubeObject {
  const spec = objectAt(pod, 'spec');
  const account = spec.serviceAccountName ?? spec.serviceAccount ?? 'default';
  const own = Array.isArray(spec.tolerations) ? (spec.tolerations as Json[]) : [];
  const added = TOLERATED.filter((key) => !own.some((toleration) => toleration.key === key));
  return {
    ...withMetadata(pod, { generation: 1 }),
    spec: {
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
      ...spec,
      serviceAccountName: account,
      serviceAccount: account,
      tolerations: [
        ...own,
        ...added.map((key) => ({
          key,
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 300,
        })),
      ],
    },
    status: { phase: 'Pending', qosClass: qosClass(spec) },
  };
}

function qosClass(spec: Json): string {
  const containers = (Array.isArray(spec.containers) ? spec.containers : []) as Json[];
  const limits = containers.map((container) => objectAt(container, 'resources', 'limits'));
  const requests = containers.map((container) => objectAt(container, 'resources', 'requests'));
  const has = (list: readonly Json[]): boolean => list.some((item) => Object.keys(item).length > 0);
  if (!has(limits) && !has(requests)) return 'BestEffort';
  const isGuaranteed = limits.every((limit, index) =>
    ['cpu', 'memory'].every(
      (name) =>
        limit[name] !== undefined && (requests[index]?.[name] ?? limit[name]) === limit[name],
    ),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}

/** What an update leaves out and the API server keeps. */
export function withKeptFields(
  next: KubeObject,
  previous: KubeObject,
  storage: string,
): KubeObject {
  if (storage !== 'services' && storage !== 'pods') return next;
  const kept =
    storage === 'services'
      ? ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']
      : [
          'serviceAccountName',
          'serviceAccount',
          'tolerations',
          'priority',
          'preemptionPolicy',
          'nodeName',
        ];
  const spec: Record<string, unknown> = { ...objectAt(next, 'spec') };
  const old = objectAt(previous, 'spec');
  for (const key of kept) if (old[key] !== undefined) spec[key] ??= old[key];
  return { ...next, spec };
}
