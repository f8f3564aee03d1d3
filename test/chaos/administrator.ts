import type { ApiClient, ApiResponse } from '../cluster/client.ts';
import type { Lease } from '../../src/core/lease.ts';
import { monotonic } from './history.ts';
import type { VersionRange } from './history.ts';
import type { SeededRandom } from './random.ts';

export type LeaseRole = 'lock' | 'session' | 'election';

/** What an edit has found and done; undefined when there was nothing to edit. */
export type Edit =
  | {
      readonly target: string;
      readonly detail: string;
      /** When its answer had come. */
      readonly until: number;
      readonly version?: VersionRange | undefined;
    }
  | undefined;

interface LeaseList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: Lease[];
}

/** A Lease, and the version that the server was at when it was read. */
interface Picked {
  readonly lease: Lease;
  readonly seenAt: bigint;
}

const HOLDER = 'holder.leasehold.dev/';
const QUEUE = 'queue.leasehold.dev/';
const ROLE = 'leasehold.dev/role';

/** A person with kubectl who labels, edits and deletes Leases while they are in use. */
export class Administrator {
  readonly #client: Pick<ApiClient, 'expect' | 'request'>;
  readonly #collection: string;
  readonly #random: SeededRandom;
  /** Holder annotations seen before, to be brought back as a restored backup would. */
  readonly #remembered: { readonly name: string; readonly key: string; readonly value: string }[] =
    [];
  #edits = 0;

  constructor(
    client: Pick<ApiClient, 'expect' | 'request'>,
    namespace: string,
    random: SeededRandom,
  ) {
    this.#client = client;
    this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    this.#random = random;
  }

  async leases(): Promise<Lease[]> {
    const { items } = await this.#list();
    return items;
  }

  /** Labels or annotates a Lease: moves its version and changes nothing that it says. */
  async label(role: LeaseRole): Promise<Edit> {
    const lease = (await this.#pick(role))?.lease;
    if (!lease) return undefined;
    this.#edits += 1;
    const mark = { 'chaos.test/edit': String(this.#edits) };
    const metadata = this.#random.chance(0.5) ? { labels: mark } : { annotations: mark };
    return this.#patch(lease, metadata, `edit ${String(this.#edits)}`);
  }

  async remove(role: LeaseRole): Promise<Edit> {
    const picked = await this.#pick(role);
    if (!picked) return undefined;
    const { lease, seenAt } = picked;
    const path = `${this.#collection}/${lease.metadata.name}`;
    // The answer does not tell in which version the Lease went.
    return edited(lease, describe(lease), this.#client.request('DELETE', path), async () => {
      const { metadata } = await this.#list();
      return { first: seenAt, last: BigInt(metadata.resourceVersion) };
    });
  }

  /** Strikes the holders, or the waiters, out of a lock by hand. */
  async strike(entries: 'holders' | 'waiters'): Promise<Edit> {
    const lease = (await this.#pick('lock'))?.lease;
    if (!lease) return undefined;
    const prefix = entries === 'holders' ? HOLDER : QUEUE;
    const keys = Object.keys(lease.metadata.annotations ?? {}).filter((key) =>
      key.startsWith(prefix),
    );
    if (keys.length === 0) return undefined;
    const annotations = Object.fromEntries(keys.map((key) => [key, null]));
    return this.#patch(lease, { annotations }, keys.join(' '));
  }

  /** Brings a former holder back into a lock, as the restore of a backup would. */
  async restore(): Promise<Edit> {
    const old = this.#remembered.splice(0, 1)[0];
    if (!old) return undefined;
    const { name, key, value } = old;
    return this.#patch(
      { metadata: { name } },
      { annotations: { [key]: value } },
      `${key}: ${value}`,
    );
  }

  #list(): Promise<LeaseList> {
    return this.#client.expect<LeaseList>('GET', this.#collection);
  }

  async #pick(role: LeaseRole): Promise<Picked | undefined> {
    const { items, metadata } = await this.#list();
    const all = items.filter((lease) => roleOf(lease) === role);
    if (all.length === 0) return undefined;
    const lease = this.#random.pick(all);
    if (role === 'lock') this.#remember(lease);
    return { lease, seenAt: BigInt(metadata.resourceVersion) };
  }

  #remember(lease: Lease): void {
    for (const [key, value] of Object.entries(lease.metadata.annotations ?? {})) {
      if (key.startsWith(HOLDER)) this.#remembered.push({ name: lease.metadata.name, key, value });
    }
    if (this.#remembered.length > 20) this.#remembered.shift();
  }

  async #patch(lease: Lease, metadata: object, detail: string): Promise<Edit> {
    const { name } = lease.metadata;
    const contentType = 'application/merge-patch+json';
    const path = `${this.#collection}/${name}`;
    const patch = this.#client.request<Lease>('PATCH', path, { metadata }, { contentType });
    return edited(lease, detail, patch, ({ metadata: { resourceVersion = '0' } }) => {
      const version = BigInt(resourceVersion);
      return { first: version, last: version };
    });
  }
}

/**
 * Without an answer nobody knows whether it was done, so it counts as done. Nor does the API server
 * know when it answers with an error of its own: etcd may have stored the write, or still do so.
 */
async function edited<Body>(
  lease: Lease,
  detail: string,
  request: Promise<ApiResponse<Body>>,
  versionOf: (answer: Body) => VersionRange | Promise<VersionRange>,
): Promise<Edit> {
  const target = lockNameOf(lease);
  const answer = await request.catch(() => undefined);
  const until = monotonic();
  if (answer === undefined) return { target, until, detail: `${detail}; no answer` };
  const { status, body } = answer;
  if (status >= 500) return { target, until, detail: `${detail}; answered ${String(status)}` };
  if (status >= 300) return undefined;
  return { target, until, detail, version: await read(body, versionOf) };
}

/** Undefined when the server is away by now. */
async function read<Body>(
  answer: Body,
  versionOf: (answer: Body) => VersionRange | Promise<VersionRange>,
): Promise<VersionRange | undefined> {
  try {
    return await versionOf(answer);
  } catch {
    return undefined;
  }
}

/** As callers know it: a name that is none for a Lease is kept in an annotation. */
function lockNameOf({ metadata }: Lease): string {
  return metadata.annotations?.['leasehold.dev/name'] ?? metadata.name;
}

export function roleOf(lease: Lease): LeaseRole {
  const role = lease.metadata.labels?.[ROLE];
  return role === 'lock' || role === 'session' ? role : 'election';
}

/** Who holds and who waits, short. */
export function describe(lease: Lease): string {
  const annotations = Object.keys(lease.metadata.annotations ?? {});
  const ids = (prefix: string): string =>
    annotations
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length))
      .join(' ');
  const holder = lease.spec?.holderIdentity ?? '';
  return `version ${lease.metadata.resourceVersion ?? ''}, holder ${holder} [${ids(HOLDER)}], queue [${ids(QUEUE)}]`;
}
