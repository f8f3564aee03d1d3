import type { Cluster } from '../../client/cluster.ts';
import { LEASE_API_VERSION } from '../../core/lease.ts';
import { isMissing } from '../../kube/outcome.ts';
import type { Finding } from './finding.ts';

interface Part {
  readonly check: string;
  readonly what: string;
  readonly path: string;
  readonly use: string;
}

const GUARD: Part = {
  check: 'guard',
  what: 'the guard (ValidatingAdmissionPolicy leasehold-guard)',
  path: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/leasehold-guard',
  use: 'with it the API server itself refuses to steal',
};

function operator(namespace: string): Part {
  return {
    check: 'operator',
    what: `the operator (its election leasehold-operator in namespace ${namespace})`,
    path: `/apis/${LEASE_API_VERSION}/namespaces/${namespace}/leases/leasehold-operator`,
    use: 'with it the locks of a crashed container are free within a second',
  };
}

/** Whether what is optional is there. Sends two GETs. */
export function checkInstalled(cluster: Cluster): Promise<Finding[]> {
  return Promise.all([GUARD, operator(cluster.namespace)].map((part) => look(cluster, part)));
}

async function look({ transport }: Cluster, { check, what, path, use }: Part): Promise<Finding> {
  const outcome = await transport.request({ method: 'GET', path });
  if (outcome.kind === 'done') {
    return { check, level: 'good', message: `${what}: installed`, data: { installed: true } };
  }
  if (isMissing(outcome)) {
    const message = `${what}: not found; it is optional (${use})`;
    return { check, level: 'info', message, data: { installed: false } };
  }
  const message = `${what}: cannot be seen from here${outcome.kind === 'refused' && outcome.status === 403 ? ', as that is not permitted' : ''}`;
  return { check, level: 'info', message, data: { installed: null } };
}
