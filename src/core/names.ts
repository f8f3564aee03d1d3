import { createHash } from 'node:crypto';
import { LeaseholdError } from './errors.ts';

const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MOST_NAME_CHARACTERS = 1_024;
const MOST_LABEL_CHARACTERS = 63;

/** The Lease that a name stands for. */
export interface LeaseName {
  /** The Lease's `metadata.name`: a DNS subdomain. */
  readonly lease: string;
  /** What the user called it; recorded in `leasehold.dev/name` when it differs. */
  readonly original: string;
}

/**
 * The Lease of a lock or election. A DNS subdomain is used as it is; any other string becomes a
 * readable slug and 16 hex digits of its SHA-256, which two different names share only with a
 * probability of 2^-64.
 *
 * @throws LeaseholdError `INVALID_ARGUMENT` for an empty string, or one of over 1,024 characters
 */
export function leaseName(original: string): LeaseName {
  if (typeof original !== 'string' || original === '' || original.length > MOST_NAME_CHARACTERS) {
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `a name is any string of 1 to ${String(MOST_NAME_CHARACTERS)} characters; this one is ${typeof original === 'string' ? `${String(original.length)} long` : `of type ${typeof original}`}`,
    );
  }
  if (original.length <= 253 && DNS_SUBDOMAIN.test(original)) return { lease: original, original };
  const hash = hashOf(original);
  const slug = slugOf(original, 40);
  return { lease: slug === '' ? hash : `${slug}-${hash}`, original };
}

/**
 * The value of the label `leasehold.dev/leader` for an election: the name of its Lease, or if that is
 * longer than a label may be, its beginning and 16 hex digits of its SHA-256.
 */
export function leaderLabelValue(lease: string): string {
  if (lease.length <= MOST_LABEL_CHARACTERS) return lease;
  const hash = hashOf(lease);
  const beginning = lease.slice(0, MOST_LABEL_CHARACTERS - hash.length - 1);
  return `${beginning.replace(/[.-]+$/, '')}-${hash}`;
}

/** The start of a session's name from the name of its pod or host. */
export function sessionPrefix(host: string): string {
  const slug = slugOf(host, 200);
  return slug === '' ? 'host' : slug;
}

function hashOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 16);
}

function slugOf(text: string, most: number): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, most)
    .replace(/^-+|-+$/g, '');
}

/** @throws LeaseholdError `INVALID_ARGUMENT` when it is not a DNS label of at most 63 characters */
export function checkNamespace(namespace: string): void {
  if (namespace.length > 63 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(namespace)) {
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `namespace ${JSON.stringify(namespace)} is not a DNS label (a-z, 0-9 and -, at most 63 characters)`,
    );
  }
}
