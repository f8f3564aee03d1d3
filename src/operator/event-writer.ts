import type { Clock } from '../core/clock.ts';
import { repeatEvent, writeEventAbout } from '../kube/events.ts';
import type { EventSubject } from '../kube/events.ts';
import { isMissing } from '../kube/outcome.ts';
import type { Outcome } from '../kube/outcome.ts';
import type { Requests } from '../kube/transport.ts';
import { EventSeries } from './event-series.ts';
import type { Admitted } from './event-series.ts';
import { noticesOf } from './notices.ts';
import { Pace } from './pace.ts';
import type { Report } from './report.ts';

/** So many wait to be written, one after the other; more are dropped: Events are a courtesy. */
const MOST_WAITING = 2_000;
/** Past so many only what is a warning is taken. */
const MOST_NORMAL = 1_000;
/** A node that goes down is told in seconds, and no more than this is asked of the API server. */
const PACE = { burst: 200, perSecond: 50 };

/** `dropped`: too much was to be told, of this object or in all. */
type EventCounter = (reason: string, result: 'written' | 'failed' | 'dropped') => void;

interface Waiting {
  readonly subject: EventSubject;
  readonly admitted: Admitted;
}

/** Writes Events about what the operator does, for `kubectl describe` of the Lease and the Pod. */
export class EventWriter {
  readonly #requests: Requests;
  readonly #clock: Clock;
  readonly #count: EventCounter;
  readonly #series: EventSeries;
  readonly #pace: Pace;
  readonly #stopping = new AbortController();
  readonly #waiting: Waiting[] = [];
  #writing = false;

  constructor(requests: Requests, clock: Clock, count: EventCounter = () => undefined) {
    this.#requests = requests;
    this.#clock = clock;
    this.#count = count;
    this.#series = new EventSeries(clock);
    this.#pace = new Pace(clock, PACE);
  }

  report(report: Report): void {
    if (this.#stopping.signal.aborted) return;
    for (const { subject, notice } of noticesOf(report)) {
      const most = notice.type === 'Normal' ? MOST_NORMAL : MOST_WAITING;
      const admitted =
        this.#waiting.length < most ? this.#series.admit(subject, notice) : undefined;
      if (admitted) this.#waiting.push({ subject, admitted });
      else this.#count(notice.reason, 'dropped');
    }
    if (!this.#writing) void this.#writeAll();
  }

  /** What was not written yet never will be. */
  stop(): void {
    this.#stopping.abort();
    this.#waiting.length = 0;
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    const { signal } = this.#stopping;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      await this.#pace.turn(signal);
      if (signal.aborted) return;
      const { kind } = await this.#write(next);
      this.#count(next.admitted.notice.reason, kind === 'done' ? 'written' : 'failed');
    }
    this.#writing = false;
  }

  async #write({ subject, admitted }: Waiting): Promise<Outcome<unknown>> {
    const { notice, event } = admitted;
    const wall = this.#clock.wall();
    if (event.count === 1) return writeEventAbout(this.#requests, subject, notice, wall, event);
    const outcome = await repeatEvent(this.#requests, event, notice, wall);
    if (outcome.kind === 'refused' && outcome.status === 403) {
      return writeEventAbout(this.#requests, subject, notice, wall);
    }
    if (!isMissing(outcome)) return outcome;
    // Dropped by the server, which keeps them for an hour, or never written.
    return writeEventAbout(this.#requests, subject, notice, wall, event);
  }
}
