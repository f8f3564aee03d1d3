import { metrics, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import type { LeaseholdEvent } from '../../src/core/events.ts';
import { logTo } from '../../src/telemetry/log.ts';
import { fanOut } from '../../src/telemetry/observers.ts';
import { openTelemetry } from '../../src/telemetry/open-telemetry.ts';

const acquired = {
  type: 'acquired',
  lock: 'invoices',
  attempt: '1f9a3c21-1',
  fence: 2n ** 60n,
  waitedMs: 1_500,
  how: 'granted',
} as const satisfies LeaseholdEvent;

describe('logTo', () => {
  it('writes one structured line per event, with the fence as text', () => {
    const lines: unknown[][] = [];
    const write =
      (level: string) =>
      (fields: object, message: string): void => {
        lines.push([level, fields, message]);
      };
    const logger = {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
    logTo(logger)(acquired);
    logTo(logger)({ type: 'lost', lock: 'invoices', attempt: '1f9a3c21-1', reason: 'its end' });
    expect(lines).toEqual([
      ['debug', { ...acquired, fence: String(2n ** 60n) }, 'acquired lock invoices'],
      ['error', expect.objectContaining({ type: 'lost' }), 'lost lock invoices: its end'],
    ]);
    expect(() => JSON.stringify(lines)).not.toThrow();
  });
});

describe('fanOut', () => {
  it('tells every observer, and reports a failing one once', () => {
    const seen: string[] = [];
    const failures: unknown[] = [];
    const observe = fanOut(
      [
        () => {
          throw new Error('broken hook');
        },
        (event) => seen.push(event.type),
      ],
      (error) => failures.push(error),
    );
    observe(acquired);
    observe(acquired);
    expect(seen).toEqual(['acquired', 'acquired']);
    expect(failures).toHaveLength(1);
  });
});

describe('openTelemetry', () => {
  afterEach(() => {
    metrics.disable();
    trace.disable();
    Reflect.deleteProperty(globalThis, Symbol.for('opentelemetry.js.api.1'));
  });

  it('loads nothing while the application has registered no SDK', async () => {
    Reflect.deleteProperty(globalThis, Symbol.for('opentelemetry.js.api.1'));
    expect(await openTelemetry('0')).toBeUndefined();
  });

  it('feeds counters, histograms and spans of a registered SDK', async () => {
    const measured: unknown[] = [];
    const record =
      (name: string) =>
      (value: number, attributes: object): void => {
        measured.push([name, value, attributes]);
      };
    const spans: string[] = [];
    metrics.setGlobalMeterProvider({
      getMeter: () =>
        ({
          createCounter: (name: string) => ({ add: record(name) }),
          createHistogram: (name: string) => ({ record: record(name) }),
        }) as never,
    });
    trace.setGlobalTracerProvider({
      getTracer: () =>
        ({
          startSpan: (name: string) => {
            spans.push(name);
            return { end: () => undefined };
          },
        }) as never,
    });
    const observe = await openTelemetry('0');
    observe?.(acquired);
    const { lock, attempt } = acquired;
    observe?.({ type: 'released', lock, attempt, heldMs: 250, confirmed: true });
    expect(measured).toEqual([
      ['leasehold.events', 1, { type: 'acquired' }],
      ['leasehold.lock.wait', 1.5, { 'leasehold.lock': lock, 'leasehold.how': 'granted' }],
      ['leasehold.events', 1, { type: 'released' }],
      ['leasehold.lock.hold', 0.25, { 'leasehold.lock': lock }],
    ]);
    expect(spans).toEqual(['acquire invoices', 'hold invoices']);
  });
});
