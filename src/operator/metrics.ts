import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Clock } from '../core/clock.ts';
import type { IndexedLock, LockIndex } from './lock-index.ts';
import type { Operator } from './operator.ts';
import type { Report } from './report.ts';

/** Seconds: from a handoff within a millisecond to a lock that is held for a day. */
const LONG = [0.01, 0.1, 1, 10, 60, 600, 3_600, 86_400];
const SHORT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60];

/** How often the event loop's delay is measured: every 10 ms by default, which wakes an idle process. */
const TICK_MS = 250;

/** What the operator tells Prometheus; each metric is explained in `docs/operations.md`. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #clock: Clock;
  /** Since when each attempt that we saw begin waits or holds, on our clock. */
  readonly #since = new Map<string, number>();
  readonly #waits: Histogram;
  readonly #holds: Histogram;
  readonly #reclaims: Counter;
  readonly #deathToHolder: Histogram;
  readonly #reclaimTime: Histogram;
  readonly #requests: Counter;
  readonly #failures: Counter;
  readonly #deleted: Counter;
  readonly #leads: Gauge;
  readonly #released: Counter;
  readonly #labels: Counter;

  constructor(clock: Clock) {
    this.#clock = clock;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: TICK_MS });
    this.#waits = new Histogram({
      name: 'leasehold_lock_wait_seconds',
      help: 'How long those waited who were granted a lock, as far as the operator saw it.',
      labelNames: ['namespace'],
      buckets: LONG,
      registers,
    });
    this.#holds = new Histogram({
      name: 'leasehold_lock_hold_seconds',
      help: 'How long locks were held, as far as the operator saw it.',
      labelNames: ['namespace'],
      buckets: LONG,
      registers,
    });
    this.#reclaims = new Counter({
      name: 'leasehold_reclaims_total',
      help: 'Sessions that the operator revoked, by the kind of proof.',
      labelNames: ['proof'],
      registers,
    });
    this.#deathToHolder = new Histogram({
      name: 'leasehold_death_to_holder_seconds',
      help: 'From the end of a container by its node to the next holder by the clock of the operator.',
      buckets: SHORT,
      registers,
    });
    this.#reclaimTime = new Histogram({
      name: 'leasehold_reclaim_seconds',
      help: "The operator's own part of that: from the sessions being read to a lock being settled.",
      buckets: SHORT,
      registers,
    });
    this.#requests = new Counter({
      name: 'leasehold_api_requests_total',
      help: 'Requests to the API server, by verb and code.',
      labelNames: ['verb', 'code'],
      registers,
    });
    this.#failures = new Counter({
      name: 'leasehold_failures_total',
      help: 'What could not be done, and is tried again.',
      registers,
    });
    this.#deleted = new Counter({
      name: 'leasehold_sessions_deleted_total',
      help: 'Blank sessions that housekeeping deleted.',
      registers,
    });
    this.#released = new Counter({
      name: 'leasehold_terms_released_total',
      help: 'Leases of elections that were released for leaders which had ended.',
      registers,
    });
    this.#labels = new Counter({
      name: 'leasehold_leader_label_writes_total',
      help: "Labels of leaders' Pods that were set or removed.",
      labelNames: ['change'],
      registers,
    });
    this.#leads = new Gauge({
      name: 'leasehold_operator_leader',
      help: '1 while this operator leads.',
      registers,
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  readonly countRequest = (verb: string, code: string): void => {
    this.#requests.inc({ verb, code });
  };

  leads(isLeader: boolean): void {
    this.#leads.set(isLeader ? 1 : 0);
  }

  report(report: Report): void {
    if (report.type === 'revoked') this.#reclaims.inc({ proof: report.by });
    else if (report.type === 'failed') this.#failures.inc();
    else if (report.type === 'deleted') this.#deleted.inc();
    else if (report.type === 'released') this.#released.inc();
    else if (report.type === 'leader-label') this.#labels.inc({ change: report.change });
    else if (report.type === 'settled' && report.session) {
      this.#reclaimTime.observe(report.tookMs / 1_000);
      if (!report.held || !report.proof || report.holders.length === 0) return;
      const took = this.#clock.wall() - report.proof.finishedAt;
      // Two machines' clocks: what cannot be is left out.
      if (took >= 0) this.#deathToHolder.observe(took / 1_000);
    }
  }

  /** Counts what is there whenever it is asked, and what it sees of waits and holds. */
  observe(operator: Operator): void {
    const registers = [this.#registry];
    const { locks, pods } = operator;
    const count = (each: (lock: IndexedLock) => number): Map<string, number> =>
      countIn(locks, each);
    const gauge = (name: string, help: string, each: (lock: IndexedLock) => number): void => {
      new Gauge({
        name,
        help,
        labelNames: ['namespace'],
        registers,
        collect() {
          this.reset();
          for (const [namespace, sum] of count(each)) this.set({ namespace }, sum);
        },
      });
    };
    gauge('leasehold_locks', 'Locks that exist: held, or waited for.', () => 1);
    gauge('leasehold_holders', 'Attempts that hold a lock.', ({ holders }) => holders.length);
    gauge('leasehold_waiters', 'Attempts that wait for a lock.', ({ queue }) => queue.length);
    gauge('leasehold_unreadable_locks', 'Locks with an unreadable holder.', ({ isUnreadable }) =>
      isUnreadable ? 1 : 0,
    );
    new Gauge({
      name: 'leasehold_pods',
      help: 'Pods that are watched.',
      registers,
      collect() {
        this.set(pods.size);
      },
    });
    new Gauge({
      name: 'leasehold_sessions',
      help: 'Sessions as of the last sweep, by the leader: live, silent for over a ttl, or blank.',
      labelNames: ['state'],
      registers,
      collect() {
        for (const [state, sum] of Object.entries(operator.sessions))
          this.set({ state }, Number(sum));
      },
    });
    locks.subscribe((before, after) => {
      // What a list tells was there before: nobody saw when it began.
      if (operator.synced) this.#changed(before, after);
    });
  }

  #changed(before: IndexedLock | undefined, after: IndexedLock | undefined): void {
    const namespace = (after ?? before)?.namespace ?? '';
    const now = this.#clock.now();
    const key = (id: string, state: string): string => `${namespace} ${id} ${state}`;
    const move = (
      was: IndexedLock['queue'] | undefined,
      is: IndexedLock['queue'] | undefined,
      state: 'waits' | 'holds',
      ended: (id: string, seconds: number) => void,
    ): void => {
      const old = new Set(was?.map(({ id }) => id));
      const present = new Set(is?.map(({ id }) => id));
      for (const id of present) if (!old.has(id)) this.#since.set(key(id, state), now);
      for (const id of old) {
        if (present.has(id)) continue;
        const since = this.#since.get(key(id, state));
        this.#since.delete(key(id, state));
        if (since !== undefined) ended(id, (now - since) / 1_000);
      }
    };
    const granted = new Set(after?.holders.map(({ id }) => id));
    move(before?.queue, after?.queue, 'waits', (id, seconds) => {
      if (granted.has(id)) this.#waits.observe({ namespace }, seconds);
    });
    move(before?.holders, after?.holders, 'holds', (_, seconds) => {
      this.#holds.observe({ namespace }, seconds);
    });
  }
}

function countIn(locks: LockIndex, each: (lock: IndexedLock) => number): Map<string, number> {
  const sums = new Map<string, number>();
  for (const lock of locks.all()) {
    sums.set(lock.namespace, (sums.get(lock.namespace) ?? 0) + each(lock));
  }
  return sums;
}
