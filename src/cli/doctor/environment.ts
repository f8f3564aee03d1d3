import { identityOf, podClaims } from '../../client/identity.ts';
import type { Cluster } from '../../client/cluster.ts';
import { VERSION } from '../../client/version.ts';
import type { Finding } from './finding.ts';

/** The oldest version of Node that the package supports. */
const OLDEST_NODE = [22, 19] as const;

/** Versions of Node and of this program. */
export function checkProgram(nodeVersion: string): Finding {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  const isOld = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  const told = {
    check: 'program',
    message: `leasehold ${VERSION} on Node ${nodeVersion}`,
    data: { version: VERSION, node: nodeVersion },
  };
  if (!isOld) return { ...told, level: 'good' };
  const remedy = `use Node ${String(oldestMajor)}.${String(oldestMinor)} or later`;
  return { ...told, level: 'bad', remedy };
}

/** Where the configuration is from, and what it names. */
export function checkConfiguration({ access, namespace }: Cluster): Finding {
  return {
    check: 'configuration',
    level: 'good',
    message: `${access.source}: ${access.server}, namespace ${namespace}`,
    data: { source: access.source, server: access.server, namespace },
  };
}

/** Whose sessions would be that are begun here. */
export async function checkOwner({ access, namespace }: Cluster): Promise<Finding> {
  const claims = podClaims(await access.authorization(false));
  const { name, owner } = identityOf(process.env, claims, namespace, undefined);
  return {
    check: 'session-owner',
    level: 'info',
    ...(owner
      ? {}
      : {
          remedy: `in a Pod of this namespace without a mounted token, set POD_NAME, POD_UID and POD_NAMESPACE by the downward API; elsewhere: leasehold revoke ${name}-... after a crash`,
        }),
    message: owner
      ? `a session of this process is ${name}'s, and is removed with that Pod`
      : `a session of this process is ${name}'s; no Pod of namespace ${namespace} owns it, so after a crash its Lease is left behind (this needs no permission on Pods)`,
    data: { identity: name, pod: owner?.name ?? null },
  };
}
