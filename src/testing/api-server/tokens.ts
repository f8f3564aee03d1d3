import { createHmac, timingSafeEqual } from 'node:crypto';
import { isJsonObject } from './object.ts';

/** Who sends a request. */
export interface UserInfo {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What a pod-bound service account token is about. */
export interface PodBinding {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly node?: { readonly name: string };
}

export const ADMIN: UserInfo = {
  username: 'kubernetes-admin',
  groups: ['system:masters', 'system:authenticated'],
};

const ISSUER = 'https://kubernetes.default.svc.cluster.local';

interface Claims {
  readonly sub?: string;
  readonly exp?: number;
  readonly groups?: readonly string[];
  readonly 'kubernetes.io'?: {
    readonly namespace?: string;
    readonly pod?: { readonly name: string; readonly uid: string };
    readonly node?: { readonly name: string };
    readonly serviceaccount?: { readonly name: string; readonly uid: string };
  };
}

/**
 * Bearer tokens as signed JWTs, so that nothing has to be kept: whoever has the key can tell whose
 * they are. Real clusters sign with RSA; clients read the claims and cannot tell.
 */
export class Tokens {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  /** A token of a user, who is in these groups besides `system:authenticated`. */
  ofUser(username: string, groups: readonly string[] = []): string {
    return this.#sign({ iss: ISSUER, sub: username, groups });
  }

  /**
   * A service account token such as the kubelet mounts into a Pod.
   *
   * @param wall - now: milliseconds since the epoch
   * @param lifetime - seconds
   * @param id - of the token, unique
   */
  ofPod(binding: PodBinding, wall: number, lifetime: number, id: string): string {
    const { namespace, serviceAccount, pod, node } = binding;
    const now = Math.floor(wall / 1_000);
    return this.#sign({
      aud: [ISSUER],
      exp: now + lifetime,
      iat: now,
      iss: ISSUER,
      jti: id,
      'kubernetes.io': {
        namespace,
        ...(node ? { node } : {}),
        ...(pod ? { pod } : {}),
        serviceaccount: serviceAccount,
      },
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    });
  }

  /**
   * Whose token it is; undefined when it is none, has expired, or its Pod is gone.
   *
   * @param wall - now: milliseconds since the epoch
   * @param podExists - asked when the token is bound to a Pod
   */
  userOf(
    token: string,
    wall: number,
    podExists: (namespace: string, name: string, uid: string) => boolean,
  ): UserInfo | undefined {
    const claims = this.#verify(token);
    if (claims?.sub === undefined) return undefined;
    if (claims.exp !== undefined && claims.exp * 1_000 <= wall) return undefined;
    const bound = claims['kubernetes.io'];
    if (!bound) {
      const groups = [...(claims.groups ?? []), 'system:authenticated'];
      return { username: claims.sub, groups };
    }
    const { namespace = '', pod, node, serviceaccount } = bound;
    if (pod && !podExists(namespace, pod.name, pod.uid)) return undefined;
    return {
      username: claims.sub,
      ...(serviceaccount ? { uid: serviceaccount.uid } : {}),
      groups: [
        'system:serviceaccounts',
        `system:serviceaccounts:${namespace}`,
        'system:authenticated',
      ],
      extra: {
        ...(pod && {
          'authentication.kubernetes.io/pod-name': [pod.name],
          'authentication.kubernetes.io/pod-uid': [pod.uid],
        }),
        ...(node && { 'authentication.kubernetes.io/node-name': [node.name] }),
      },
    };
  }

  #sign(claims: object): string {
    const header = encode({ alg: 'HS256', typ: 'JWT' });
    const payload = `${header}.${encode(claims)}`;
    return `${payload}.${this.#signature(payload).toString('base64url')}`;
  }

  #verify(token: string): Claims | undefined {
    const end = token.lastIndexOf('.');
    const given = Buffer.from(token.slice(end + 1), 'base64url');
    const expected = this.#signature(token.slice(0, end));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    const payload = token.split('.')[1] ?? '';
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return isJsonObject(claims) ? claims : undefined;
  }

  #signature(payload: string): Buffer {
    return createHmac('sha256', this.#key).update(payload).digest();
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
