import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { OwnerReference } from '../core/lease.ts';

/** Who this process is, as others see it in Leases. */
export interface Identity {
  /** The Pod's name, or the host's. */
  readonly name: string;
  /** The Pod, when it is known and in the namespace where sessions are kept. */
  readonly owner: OwnerReference | undefined;
  /** The container of that Pod, when it is known. */
  readonly container?: string | undefined;
}

/** What the claims of a pod-bound service account token tell. */
export interface PodClaims {
  readonly namespace: string | undefined;
  readonly pod: string | undefined;
  readonly uid: string | undefined;
  readonly node: string | undefined;
}

/**
 * The Pod that a token is bound to, read from the token's claims: no downward API is needed. Not
 * verified, as it is our own token.
 */
export function podClaims(authorization: string | undefined): PodClaims | undefined {
  const token = /^Bearer ([^.]+)\.([^.]+)\.[^.]*$/.exec(authorization ?? '');
  if (!token?.[2]) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(token[2], 'base64url').toString('utf8')) as {
      'kubernetes.io'?: {
        namespace?: string;
        pod?: { name?: string; uid?: string };
        node?: { name?: string };
      };
    };
    const kubernetes = claims['kubernetes.io'];
    if (!kubernetes) return undefined;
    return {
      namespace: kubernetes.namespace,
      pod: kubernetes.pod?.name,
      uid: kubernetes.pod?.uid,
      node: kubernetes.node?.name,
    };
  } catch {
    return undefined;
  }
}

/**
 * The identity of this process. `POD_NAME`, `POD_UID` and `POD_NAMESPACE` override the token's
 * claims; outside of a Pod it is the host's name.
 *
 * @param namespace - where sessions are kept: a Pod of another namespace cannot own them, or the
 * garbage collector would remove them
 */
export function identityOf(
  env: NodeJS.ProcessEnv,
  claims: PodClaims | undefined,
  namespace: string,
  chosen: string | undefined,
): Identity {
  const pod = env.POD_NAME ?? claims?.pod;
  const uid = env.POD_UID ?? claims?.uid;
  const podNamespace = env.POD_NAMESPACE ?? claims?.namespace;
  const owner: OwnerReference | undefined =
    pod !== undefined && uid !== undefined && podNamespace === namespace
      ? { apiVersion: 'v1', kind: 'Pod', name: pod, uid }
      : undefined;
  return { name: chosen ?? pod ?? hostname(), owner };
}

/** The identity of a candidate: unique to this process, as two of one name would both lead. */
export function candidateIdentity(name: string): string {
  return `${name}_${randomBytes(4).toString('hex')}`;
}
