import type { PolicyRule } from '../cluster/rbac.ts';

/** Options of Helm: everything on, and everything set that has a place in a manifest. */
export const EVERYTHING = ['-f', 'test/chart/everything.yaml'];

/** Any object of the Kubernetes API. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** Of a role. */
  readonly rules?: readonly PolicyRule[];
  /** Of a ConfigMap. */
  readonly data?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** The one of this kind and name. */
export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const [found, ...others] = manifests.filter(
    (manifest) => manifest.kind === kind && manifest.metadata.name === name,
  );
  if (!found || others.length > 0) throw new Error(`not one ${kind} ${name}`);
  return found;
}

/** In one order, whatever wrote them. */
export function byName(manifests: readonly Manifest[]): Manifest[] {
  const key = ({ kind, metadata }: Manifest): string =>
    `${kind} ${metadata.namespace ?? ''} ${metadata.name}`;
  return [...manifests].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
