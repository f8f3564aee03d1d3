import type { Clock } from '../core/clock.ts';
import { newEventName } from '../kube/events.ts';
import type { EventSubject, Notice, WrittenEvent } from '../kube/events.ts';

/**
 * As client-go's recorder of Events: so many about one object at once, and then one in five minutes. Of
 * each type, so that many grants leave room for a warning.
 */
const BURST = 25;
const REFILL_MS = 300_000;
/** So many with different messages about one object in this time; what follows is put together. */
const MOST_SIMILAR = 10;
const SIMILAR_MS = 600_000;
/** By then the API server may have dropped it. */
const FORGOTTEN_MS = 3_600_000;
/** So many objects are remembered; of one that is forgotten is told as if for the first time. */
const MOST_OBJECTS = 2_000;

/** What is to be written. */
export interface Admitted {
  readonly notice: Notice;
  /** With a count of 1 it is new, else it is there already. */
  readonly event: WrittenEvent;
}

interface Series {
  readonly event: WrittenEvent;
  readonly lastAt: number;
}

interface Similar {
  readonly since: number;
  readonly messages: Set<string>;
}

interface Told {
  tokens: number;
  refilledAt: number;
  readonly similar: Map<string, Similar>;
  readonly series: Map<string, Series>;
}

/**
 * Which Events are worth a write: the same is counted in one Event, similar ones are put together, and
 * an object of which much is to be told does not fill the API server.
 */
export class EventSeries {
  readonly #clock: Clock;
  readonly #objects = new Map<string, Told>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined when too much was told of the object. */
  admit(subject: EventSubject, notice: Notice): Admitted | undefined {
    const now = this.#clock.now();
    const { kind: of, namespace, name, uid = '' } = subject;
    const told = this.#toldOf(`${notice.type} ${of} ${namespace}/${name} ${uid}`);
    const refills = Math.floor((now - told.refilledAt) / REFILL_MS);
    told.tokens = Math.min(BURST, told.tokens + refills);
    told.refilledAt += refills * REFILL_MS;
    if (told.tokens === 0) return undefined;
    told.tokens -= 1;

    const kind = notice.reason;
    let similar = told.similar.get(kind);
    if (!similar || now - similar.since > SIMILAR_MS) {
      similar = { since: now, messages: new Set() };
      told.similar.set(kind, similar);
    }
    const { messages } = similar;
    const isMany = messages.size >= MOST_SIMILAR && !messages.has(notice.message);
    if (!isMany) messages.add(notice.message);
    const message = isMany ? `(combined from similar events): ${notice.message}` : notice.message;

    const key = isMany ? kind : `${kind} ${notice.message}`;
    const before = told.series.get(key);
    const isNew = !before || now - before.lastAt > FORGOTTEN_MS;
    const event: WrittenEvent = isNew
      ? {
          namespace: subject.namespace,
          name: newEventName(subject.name),
          firstAt: this.#clock.wall(),
          count: 1,
        }
      : { ...before.event, count: before.event.count + 1 };
    told.series.delete(key);
    told.series.set(key, { event, lastAt: now });
    forgetFirst(told.series, BURST);
    return { notice: { ...notice, message }, event };
  }

  #toldOf(key: string): Told {
    const told = this.#objects.get(key) ?? {
      tokens: BURST,
      refilledAt: this.#clock.now(),
      similar: new Map<string, Similar>(),
      series: new Map<string, Series>(),
    };
    // The map keeps the order of use.
    this.#objects.delete(key);
    this.#objects.set(key, told);
    forgetFirst(this.#objects, MOST_OBJECTS);
    return told;
  }
}

function forgetFirst(map: Map<string, unknown>, most: number): void {
  if (map.size <= most) return;
  const [first = ''] = map.keys();
  map.delete(first);
}
