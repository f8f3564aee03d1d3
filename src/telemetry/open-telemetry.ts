import type { Attributes, Counter, Histogram, Tracer } from '@opentelemetry/api';
import type { LeaseholdEvent, Observer } from '../core/events.ts';

/** Set by the OpenTelemetry API when an application registers an SDK. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

/**
 * An observer that feeds the application's OpenTelemetry SDK, if it has registered one before; else
 * undefined, without loading anything.
 */
export async function openTelemetry(version: string): Promise<Observer | undefined> {
  if (!(REGISTERED in globalThis)) return undefined;
  try {
    const api = await import('@opentelemetry/api');
    return new Instruments(
      api.metrics.getMeter('leasehold', version),
      api.trace.getTracer('leasehold', version),
    ).observe;
  } catch {
    // The application's copy of the API is not ours to find: an optional peer that is not there.
    return undefined;
  }
}

class Instruments {
  readonly #events: Counter;
  readonly #wait: Histogram;
  readonly #hold: Histogram;
  readonly #tracer: Tracer;

  constructor(
    meter: {
      createCounter: (name: string, options: { description: string }) => Counter;
      createHistogram: (name: string, options: { description: string; unit: string }) => Histogram;
    },
    tracer: Tracer,
  ) {
    this.#tracer = tracer;
    this.#events = meter.createCounter('leasehold.events', {
      description: 'Events of locks, elections and sessions, by type',
    });
    this.#wait = meter.createHistogram('leasehold.lock.wait', {
      description: 'Time from asking for a lock to holding it',
      unit: 's',
    });
    this.#hold = meter.createHistogram('leasehold.lock.hold', {
      description: 'Time for which a lock was held',
      unit: 's',
    });
  }

  readonly observe = (event: LeaseholdEvent): void => {
    this.#events.add(1, { type: event.type });
    if (event.type === 'acquired') {
      const attributes = { 'leasehold.lock': event.lock, 'leasehold.how': event.how };
      this.#wait.record(event.waitedMs / 1_000, attributes);
      this.#span(`acquire ${event.lock}`, event.waitedMs, {
        ...attributes,
        'leasehold.fence': String(event.fence),
      });
    } else if (event.type === 'released') {
      const attributes = { 'leasehold.lock': event.lock };
      this.#hold.record(event.heldMs / 1_000, attributes);
      this.#span(`hold ${event.lock}`, event.heldMs, attributes);
    }
  };

  /** A span that ends now, for what is only known when it is over. */
  #span(name: string, duration: number, attributes: Attributes): void {
    const end = Date.now();
    this.#tracer.startSpan(name, { startTime: end - duration, attributes }).end(end);
  }
}
