import type { Cluster } from '../../client/cluster.ts';
import { LEASE_API_VERSION } from '../../core/lease.ts';
import type { Lease } from '../../core/lease.ts';
import { renewedAtServer } from '../../core/session-lease.ts';
import { isMissing } from '../../kube/outcome.ts';
import type { Outcome } from '../../kube/outcome.ts';
import type { Finding } from './finding.ts';

const ELECTION = 'leasehold-operator';
/** Where README.md installs it. */
const USUAL_NAMESPACE = 'leasehold';
const GROUP = `/apis/${LEASE_API_VERSION}`;
/** The times of writes and of answers are known to a second each. */
const RESOLUTION_MS = 1_000;
const INSTALL = `helm install leasehold charts/leasehold -n ${USUAL_NAMESPACE} --create-namespace --set image.repository=... (README.md, "Install in a cluster")`;

/** The operator's elections that may be seen. */
export interface Elections {
  readonly leases: readonly Lease[];
  /** The namespaces that were looked at; undefined for all. */
  readonly namespaces: readonly string[] | undefined;
  /** The server's clock: milliseconds since the epoch. */
  readonly at: number;
}

/**
 * Whether an operator runs, in whatever namespace. Sends one GET; where that is not permitted, one for
 * each of two namespaces.
 */
export async function checkOperator(cluster: Cluster): Promise<Finding> {
  const found = await findElections(cluster);
  return found === undefined ? unseen() : judgeOperator(found, cluster.namespace);
}

/** @param namespace - that is diagnosed */
export function judgeOperator({ leases, namespaces, at }: Elections, namespace: string): Finding {
  const running = leases.find((lease) => isLed(lease, at));
  if (running) {
    const { namespace: where = '' } = running.metadata;
    const elsewhere =
      where === namespace
        ? ''
        : `; it looks after ${namespace}, too, unless its --namespace says no`;
    return {
      check: 'operator',
      level: 'good',
      message: `the operator runs in namespace ${where}: ${running.spec?.holderIdentity ?? ''} leads${elsewhere}`,
      data: { installed: true, running: true, namespace: where },
    };
  }
  const [stopped] = leases;
  if (stopped) {
    const { namespace: where = '' } = stopped.metadata;
    return {
      check: 'operator',
      level: 'warning',
      message: `the operator of namespace ${where} does not run: ${lastSeen(stopped, at)}. The locks of crashed containers wait for their ttl`,
      remedy: `kubectl get pods -n ${where} -l app.kubernetes.io/component=operator tells why; if it was removed for good: kubectl delete lease ${ELECTION} -n ${where}`,
      data: { installed: true, running: false, namespace: where },
    };
  }
  if (namespaces !== undefined) return unseen(namespaces);
  return {
    check: 'operator',
    level: 'info',
    message: `the operator: no namespace has its election ${ELECTION}. It is optional: with it the locks of a crashed container are free within a second`,
    remedy: INSTALL,
    data: { installed: false, running: false, namespace: null },
  };
}

async function findElections({
  transport,
  clock,
  namespace,
}: Cluster): Promise<Elections | undefined> {
  const everywhere = await transport.request<{ items?: readonly Lease[] }>({
    method: 'GET',
    path: `${GROUP}/leases`,
    query: { fieldSelector: `metadata.name=${ELECTION}` },
  });
  if (everywhere.kind === 'done') {
    const { body, serverTime } = everywhere;
    return { leases: body.items ?? [], namespaces: undefined, at: serverTime ?? clock.wall() };
  }
  const namespaces = [...new Set([namespace, USUAL_NAMESPACE])];
  const outcomes: readonly Outcome<Lease>[] = await Promise.all(
    namespaces.map((name) =>
      transport.request<Lease>({
        method: 'GET',
        path: `${GROUP}/namespaces/${name}/leases/${ELECTION}`,
      }),
    ),
  );
  const seen = namespaces.filter((_, index) => {
    const outcome = outcomes[index];
    return outcome !== undefined && (outcome.kind === 'done' || isMissing(outcome));
  });
  if (seen.length === 0) return undefined;
  const answers = outcomes.filter((outcome) => outcome.kind === 'done');
  const at = answers[0]?.serverTime ?? clock.wall();
  return { leases: answers.map(({ body }) => body), namespaces: seen, at };
}

function isLed(lease: Lease, at: number): boolean {
  const renewed = renewedAt(lease);
  const duration = (lease.spec?.leaseDurationSeconds ?? 0) * 1_000;
  return (
    Boolean(lease.spec?.holderIdentity) &&
    renewed !== undefined &&
    at - renewed <= duration + RESOLUTION_MS
  );
}

function lastSeen(lease: Lease, at: number): string {
  const holder = lease.spec?.holderIdentity;
  if (!holder) return 'nobody leads it';
  const renewed = renewedAt(lease);
  if (renewed === undefined) return `its leader ${holder} has never renewed`;
  return `its leader ${holder} renewed ${String(Math.round((at - renewed) / 1_000))}s ago`;
}

function renewedAt(lease: Lease): number | undefined {
  const written = Date.parse(lease.spec?.renewTime ?? '');
  return renewedAtServer(lease) ?? (Number.isNaN(written) ? undefined : written);
}

/** @param namespaces - in which it is not; it may be in others */
function unseen(namespaces?: readonly string[]): Finding {
  const without =
    namespaces === undefined ? '' : `: it is not in namespace ${namespaces.join(' or ')}`;
  return {
    check: 'operator',
    level: 'info',
    message: `the operator: whether it runs cannot be seen from here${without}, and to list Leases of all namespaces is not permitted`,
    remedy: `ask whoever may: kubectl get leases -A --field-selector metadata.name=${ELECTION}`,
    data: { installed: null, running: null, namespace: null },
  };
}
