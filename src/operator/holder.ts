import { LeaseholdError } from '../core/errors.ts';
import type { ObservedPod } from './observed-pod.ts';

/** The Pods of a namespace, and what is needed to tell whose a holder's identity is. */
export interface KnownPods {
  /** Those that are there, and those that are gone, as far as they were seen. */
  readonly pods: readonly ObservedPod[];
  readonly isPresent: (uid: string) => boolean;
  /** Those that are there in other namespaces, as far as the operator looks after them. */
  readonly elsewhere: readonly ObservedPod[];
  /** The names of the nodes that Pods run on. */
  readonly nodes: ReadonlySet<string>;
}

/** What an identity says of its holder. */
interface NamedHolder {
  /** The name of its Pod, or the hostname of it. */
  readonly pod: string;
  /** What its process may have made up; empty if there is no such part. */
  readonly unique: string;
}

/** Nothing that names a Pod is longer, and no pattern has to look at more. */
const MOST_IDENTITY_CHARACTERS = 512;

/**
 * What libraries write. The group `pod` names the Pod, or is the hostname in it; `unique`, if there is
 * one, is what a process makes up for itself when it starts.
 */
const KNOWN_PATTERNS: readonly RegExp[] = [
  // client-go's examples, controller-runtime, the components of Kubernetes.
  /^(?<pod>[a-z0-9.-]+)_(?<unique>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/,
  // leasehold.
  /^(?<pod>[a-z0-9.-]+)_(?<unique>[0-9a-f]{8})$/,
  // operator-sdk, the sidecars of CSI, ingress controllers: the Pod itself.
  /^(?<pod>[a-z0-9.-]+)$/,
];

/**
 * The patterns of identities by which holders are known, the given ones first.
 *
 * @param given - regular expressions with a group `pod`, and a group `unique` where there is such a part
 * @throws LeaseholdError `INVALID_ARGUMENT`
 */
export function holderPatterns(given: readonly string[] = []): readonly RegExp[] {
  return [...given.map(pattern), ...KNOWN_PATTERNS];
}

function pattern(source: string): RegExp {
  const invalid = (why: string): LeaseholdError =>
    new LeaseholdError(
      'INVALID_ARGUMENT',
      `the holder pattern ${JSON.stringify(source)} ${why}; an example: ^(?<pod>[a-z0-9.-]+)_(?<unique>[0-9a-f-]{36})$`,
    );
  if (!source.includes('(?<pod>')) throw invalid('has no group named pod');
  try {
    return new RegExp(source, 'u');
  } catch (error) {
    throw invalid(`is no regular expression (${error instanceof Error ? error.message : ''})`);
  }
}

/** Whom an identity may be of. */
interface Holders {
  readonly candidates: readonly ObservedPod[];
  /** Those of other namespaces, who may hold a Lease here, too. */
  readonly elsewhere: readonly ObservedPod[];
  /** Whether only one process can have this identity. */
  readonly isUnique: boolean;
}

/**
 * The Pods that may have written this identity into a Lease. None for a name that is a node's: processes
 * in the network of a node have that as their hostname.
 */
export function holdersOf(
  identity: string,
  { pods, elsewhere, nodes }: KnownPods,
  patterns: readonly RegExp[],
): Holders {
  const named = namedHolder(identity, patterns);
  if (!named || nodes.has(named.pod)) return { candidates: [], elsewhere: [], isUnique: false };
  const isMeant = ({ name, hostname }: ObservedPod): boolean =>
    name === named.pod || hostname === named.pod;
  const candidates = pods.filter(isMeant);
  const isOfPod =
    [...pods, ...elsewhere].some(({ uid }) => contains(uid, named.unique)) ||
    candidates.some(({ name, hostname = '' }) => {
      return contains(name, named.unique) || contains(hostname, named.unique);
    });
  const isUnique = named.unique !== '' && !isOfPod;
  return { candidates, elsewhere: elsewhere.filter(isMeant), isUnique };
}

/** What each run of a container can be told of its Pod, no process of it has made up. */
function contains(text: string, part: string): boolean {
  const plain = (one: string): string => one.replaceAll('-', '').toLowerCase();
  return plain(text).includes(plain(part));
}

function namedHolder(identity: string, patterns: readonly RegExp[]): NamedHolder | undefined {
  if (identity.length > MOST_IDENTITY_CHARACTERS) return undefined;
  for (const known of patterns) {
    const { pod, unique = '' } = known.exec(identity)?.groups ?? {};
    if (pod) return { pod, unique };
  }
  return undefined;
}
