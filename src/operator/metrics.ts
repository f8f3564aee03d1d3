import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Clock } from '../core/clock.ts';
import { observeState } from './metrics-of-state.ts';
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
  readonly #waits: Histogram;
  readonly #holds: Histogram;
  readonly #reclaims: Counter;
  readonly #deathToHolder: Histogram;
  readonly #reclaimTime: Histogram;
  readonly #lost: Counter;
  readonly #events: Counter;
  readonly #requests: Counter;
  readonly #failures: Counter;
  readonly #deleted: Counter;
  readonly #leads: Gauge;
  readonly #released: Counter;
  readonly #doubts: Counter;
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
    this.#lost = new Counter({
      name: 'leasehold_locks_lost_total',
      help: 'Locks that a holder lost without a release, by how: reclaimed, expired, ended or stolen.',
      labelNames: ['how'],
      registers,
    });
    this.#events = new Counter({
      name: 'leasehold_events_total',
      help: 'Kubernetes Events, by reason and result: written, failed or dropped.',
      labelNames: ['reason', 'result'],
      registers,
    });
    this.#requests = new Counter({
      name: 'leasehold_api_requests_total',
      help: 'Requests to the API server, by verb and status code; none if no answer came.',
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
    this.#doubts = new Counter({
      name: 'leasehold_doubtful_deaths_total',
      help: 'Leases left to their duration though their container has ended, by when clocks did not agree.',
      labelNames: ['why'],
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

  /** The name of each metric of leasehold, with its labels. */
  described(): { name: string; labels: readonly string[] }[] {
    return this.#registry.getMetricsAsArray().flatMap((metric) => {
      const { name, labelNames = [] } = metric as { name: string; labelNames?: string[] };
      return name.startsWith('leasehold_') ? [{ name, labels: labelNames }] : [];
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

  readonly countEvent = (reason: string, result: string): void => {
    this.#events.inc({ reason, result });
  };

  leads(isLeader: boolean): void {
    this.#leads.set(isLeader ? 1 : 0);
  }

  report(report: Report): void {
    if (report.type === 'revoked') this.#reclaims.inc({ proof: report.by });
    else if (report.type === 'failed') this.#failures.inc();
    else if (report.type === 'deleted') this.#deleted.inc();
    else if (report.type === 'released') this.#released.inc();
    else if (report.type === 'doubtful') this.#doubts.inc({ why: report.why });
    else if (report.type === 'leader-label') this.#labels.inc({ change: report.change });
    else if (report.type === 'lost') this.#lost.inc({ how: report.how });
    else if (report.type === 'settled' && report.session) {
      this.#reclaimTime.observe(report.tookMs / 1_000);
      if (report.held) this.#lost.inc({ how: 'reclaimed' });
      if (!report.held || !report.proof || report.holders.length === 0) return;
      const took = this.#clock.wall() - report.proof.finishedAt;
      // Two machines' clocks: what cannot be is left out.
      if (took >= 0) this.#deathToHolder.observe(took / 1_000);
    }
  }

  /** Counts what is there whenever it is asked, and what it sees of waits and holds. */
  observe(operator: Operator): void {
    observeState(this.#registry, operator);
    operator.turnover.subscribe((turn) => {
      const milliseconds = turn.type === 'granted' ? turn.waitedMs : turn.heldMs;
      if (milliseconds === undefined) return;
      const { namespace } = turn.type === 'granted' ? turn.lock : turn.before;
      const histogram = turn.type === 'granted' ? this.#waits : this.#holds;
      histogram.observe({ namespace }, milliseconds / 1_000);
    });
  }
}
