import type { Cluster } from '../../client/cluster.ts';
import { isMissing } from '../../kube/outcome.ts';
import type { Finding } from './finding.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const LABEL = 'leasehold.dev/guard';
/** All that refuses in a namespace with the label; `deploy/guard` has it. */
const PARTS = [
  'validatingadmissionpolicies/leasehold-guard',
  'validatingadmissionpolicies/leasehold-guard-locks',
  'validatingadmissionpolicies/leasehold-guard-settle',
  'validatingadmissionpolicybindings/leasehold-guard-namespace',
  'validatingadmissionpolicybindings/leasehold-guard-locks',
  'validatingadmissionpolicybindings/leasehold-guard-settle',
];
/** Whose Leases are the heartbeats of nodes: the bindings leave them out. */
const NEVER_GUARDED = ['kube-system', 'kube-node-lease', 'kube-public'];
const INSTALL =
  'kubectl apply -f deploy/guard, or the chart with guard.enabled=true (docs/security.md)';

/** What there is of the guard, as far as it can be seen. */
export interface GuardSeen {
  /** Undefined when they may not be read. */
  readonly missing: readonly string[] | undefined;
  /** Whether the namespace has the label; undefined when it may not be read. */
  readonly enforced: boolean | undefined;
}

/** Whether the guard is installed, and guards this namespace. Sends seven GETs. */
export async function checkGuard({ transport, namespace }: Cluster): Promise<Finding> {
  const ofNamespace = transport.request<{ metadata?: { labels?: Record<string, string> } }>({
    method: 'GET',
    path: `/api/v1/namespaces/${namespace}`,
  });
  const outcomes = await Promise.all(
    PARTS.map((part) => transport.request({ method: 'GET', path: `${GROUP}/${part}` })),
  );
  const isKnown = outcomes.every((outcome) => outcome.kind === 'done' || isMissing(outcome));
  const missing = PARTS.filter((_, index) => outcomes[index]?.kind !== 'done');
  const label = await ofNamespace;
  return judgeGuard(
    {
      missing: isKnown ? missing : undefined,
      enforced:
        label.kind === 'done' ? label.body.metadata?.labels?.[LABEL] === 'enforced' : undefined,
    },
    namespace,
  );
}

/** @param namespace - that is diagnosed */
export function judgeGuard({ missing, enforced }: GuardSeen, namespace: string): Finding {
  const check = 'guard';
  const installed = missing === undefined ? null : missing.length === 0;
  const data = { installed, enforced: enforced ?? null };
  if (missing === undefined) {
    return {
      check,
      level: 'info',
      message: `the guard: whether it is installed cannot be seen from here${enforced === true ? `; namespace ${namespace} has its label` : ''}`,
      remedy: 'ask whoever may: kubectl get validatingadmissionpolicies',
      data,
    };
  }
  if (missing.length > 0 && (enforced === true || missing.length < PARTS.length)) {
    return {
      check,
      level: 'warning',
      message:
        missing.length === PARTS.length
          ? `the guard: namespace ${namespace} has its label ${LABEL}=enforced, but it is not installed, so nothing is refused`
          : `the guard is not complete, so not all is refused: ${missing.join(', ')} missing`,
      remedy: INSTALL,
      data,
    };
  }
  if (missing.length > 0) {
    return {
      check,
      level: 'info',
      message:
        'the guard: not installed. It is optional: with it the API server itself refuses to steal',
      remedy: INSTALL,
      data,
    };
  }
  if (NEVER_GUARDED.includes(namespace)) {
    const message = `the guard: installed; namespace ${namespace} is never guarded, as its Leases are the control plane's`;
    return { check, level: 'info', message, data };
  }
  if (enforced === true) {
    return { check, level: 'good', message: `the guard guards namespace ${namespace}`, data };
  }
  return {
    check,
    level: 'info',
    message:
      enforced === false
        ? `the guard: installed, but does not guard namespace ${namespace}, only single Leases that have its label`
        : `the guard: installed; whether it guards namespace ${namespace} cannot be seen from here`,
    remedy:
      enforced === false
        ? `read docs/security.md, and then: kubectl label namespace ${namespace} ${LABEL}=enforced`
        : `ask whoever may: kubectl get namespace ${namespace} --show-labels`,
    data,
  };
}
