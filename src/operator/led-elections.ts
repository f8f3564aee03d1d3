import type { Clock } from '../core/clock.ts';
import { statedDuration } from '../core/election.ts';
import {
  ENABLED,
  HOLDER_PRINCIPAL_ANNOTATION,
  LEADER_LABEL_LABEL,
  ROLE_LABEL,
} from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isMissing } from '../kube/outcome.ts';

/** Those whose leaders' Pods are labelled; sessions and locks are none, whatever labels they have. */
export const LED_ELECTIONS = `${LEADER_LABEL_LABEL}=${ENABLED},!${ROLE_LABEL}`;

/** client-go's default, for a Lease that does not say how long it lasts. */
const FALLBACK_SECONDS = 15;
const RETRY_MS = 1_000;

/** What is kept of an election's Lease. */
export interface LedElection {
  readonly namespace: string;
  readonly name: string;
  /** Empty when nobody leads. */
  readonly holder: string;
  readonly principal: string | undefined;
  /** Changes with every renewal. */
  readonly beat: string;
  /** For how long the leader may go unseen: milliseconds. */
  readonly duration: number;
}

/** What is kept of an election's Lease; undefined for what is none. */
export function ledElection(lease: Lease): LedElection | undefined {
  const { namespace, name, uid = '', annotations = {} } = lease.metadata;
  if (typeof namespace !== 'string' || typeof name !== 'string') return undefined;
  const holder = lease.spec?.holderIdentity ?? '';
  return {
    namespace,
    name,
    holder,
    principal: annotations[HOLDER_PRINCIPAL_ANNOTATION],
    beat: `${uid} ${holder} ${lease.spec?.renewTime ?? ''}`,
    duration: statedDuration(lease, FALLBACK_SECONDS),
  };
}

interface Entry {
  readonly election: LedElection;
  /** Since when its heartbeat has been what it is, on our clock. */
  readonly since: number;
  readonly isExpired: boolean;
  readonly vacantSince: number | undefined;
}

/** The elections as a watch tells them, and whether their leaders still renew. */
export class LedElections {
  readonly #clock: Clock;
  readonly #apiOf: (namespace: string) => LeaseApi;
  readonly #onChange: (namespace: string) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #timers = new Map<string, () => void>();

  /** @param onChange - told when somebody else leads in the namespace, or nobody any more */
  constructor(
    parts: { clock: Clock; apiOf: (namespace: string) => LeaseApi },
    onChange: (namespace: string) => void,
  ) {
    this.#clock = parts.clock;
    this.#apiOf = parts.apiOf;
    this.#onChange = onChange;
  }

  /** With an empty holder where nobody leads, and since when we know that. */
  within(namespace: string): (LedElection & { readonly vacantSince: number | undefined })[] {
    return [...this.#entries.values()]
      .filter(({ election }) => election.namespace === namespace)
      .map(({ election, isExpired, vacantSince }) => {
        return { ...election, ...(isExpired ? { holder: '' } : {}), vacantSince };
      });
  }

  namespaces(): Set<string> {
    return new Set([...this.#entries.values()].map(({ election }) => election.namespace));
  }

  listed(elections: readonly (LedElection | undefined)[], namespace: string | undefined): void {
    const present = new Set<string>();
    for (const election of elections) {
      if (!election) continue;
      present.add(keyOf(election));
      this.written(election);
    }
    for (const [key, { election }] of this.#entries) {
      const isListed = namespace === undefined || election.namespace === namespace;
      if (isListed && !present.has(key)) this.deleted(election);
    }
  }

  written(election: LedElection): void {
    const key = keyOf(election);
    const before = this.#entries.get(key);
    const isRenewed = before?.election.beat !== election.beat;
    const since = isRenewed ? this.#clock.now() : before.since;
    const isExpired = !isRenewed && before.isExpired;
    const isVacant = isExpired || election.holder === '';
    const vacantSince = isVacant ? (before?.vacantSince ?? this.#clock.now()) : undefined;
    this.#entries.set(key, { election, since, isExpired, vacantSince });
    if (election.holder !== '' && !isExpired && !this.#timers.has(key)) {
      this.#lookAfter(key, election.duration);
    }
    const isSame =
      before?.election.holder === election.holder &&
      before.election.principal === election.principal &&
      before.isExpired === isExpired;
    if (!isSame) this.#onChange(election.namespace);
  }

  deleted(election: LedElection): void {
    const key = keyOf(election);
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    if (this.#entries.delete(key)) this.#onChange(election.namespace);
  }

  stop(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#entries.clear();
  }

  /** A renewal does not move the timer: it looks again when it is due. */
  #lookAfter(key: string, delay: number): void {
    const cancel = this.#clock.schedule(delay, () => {
      this.#timers.delete(key);
      const entry = this.#entries.get(key);
      if (!entry || entry.election.holder === '') return;
      const left = entry.since + entry.election.duration - this.#clock.now();
      if (left > 0) this.#lookAfter(key, left);
      else void this.#confirm(key, entry);
    });
    this.#timers.set(key, cancel);
  }

  /** A silent watch looks like a dead leader: look once more with a read. */
  async #confirm(key: string, { election }: Entry): Promise<void> {
    const read = await this.#apiOf(election.namespace).get(election.name);
    const entry = this.#entries.get(key);
    // Told otherwise meanwhile.
    if (entry?.election.beat !== election.beat || this.#timers.has(key)) return;
    if (read.kind !== 'done' && !isMissing(read)) {
      this.#lookAfter(key, RETRY_MS);
      return;
    }
    const now = read.kind === 'done' && isLed(read.body) ? ledElection(read.body) : undefined;
    if (!now) {
      this.deleted(election);
    } else if (now.beat !== election.beat) {
      this.written(now);
    } else {
      this.#entries.set(key, { ...entry, isExpired: true, vacantSince: this.#clock.now() });
      this.#onChange(election.namespace);
    }
  }
}

/** As the selector of the watch has it. */
function isLed({ metadata: { labels = {} } }: Lease): boolean {
  return labels[LEADER_LABEL_LABEL] === ENABLED && labels[ROLE_LABEL] === undefined;
}

function keyOf({ namespace, name }: LedElection): string {
  return `${namespace}/${name}`;
}
