import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Notice } from '../../src/kube/events.ts';
import { EventSeries } from '../../src/operator/event-series.ts';
import { EventWriter } from '../../src/operator/event-writer.ts';
import {
  Answering,
  Standing,
  done,
  drain,
  refused,
  revoked,
  settled,
} from './operator-telling-given.ts';

describe('the Events', () => {
  interface Body {
    readonly involvedObject?: { readonly kind: string; readonly name: string };
    readonly metadata?: { readonly name: string };
    readonly reason?: string;
    readonly count: number;
  }
  const bodies = (requests: Answering): Body[] => requests.sent.map(({ body }) => body as Body);

  it('are about the session, the Pod and the lock, and counted when they come again', async () => {
    const requests = new Answering();
    const clock = new Standing();
    const events = new EventWriter(requests, clock);
    const tell = async (): Promise<void> => {
      events.report(revoked);
      events.report(settled);
      await drain();
    };
    await tell();
    const first = bodies(requests);
    expect(
      first.map(({ reason = '', involvedObject }) => {
        return `${reason} ${involvedObject?.kind ?? ''} ${involvedObject?.name ?? ''}`;
      }),
    ).toEqual([
      'SessionRevoked Lease billing-0-1f9a3c21',
      'SessionRevoked Pod billing-0',
      'Reclaimed Lease invoices',
    ]);
    clock.time = 30_000;
    await tell();
    const again = requests.sent.slice(3);
    expect(again.map(({ method, path }) => `${method} ${path}`)).toEqual(
      first.map(({ metadata }) => {
        return `PATCH /api/v1/namespaces/billing/events/${metadata?.name ?? ''}`;
      }),
    );
    expect(again.map(({ body }) => body)).toMatchObject(
      first.map(() => ({ count: 2, lastTimestamp: '2026-01-01T11:30:31Z' })),
    );
  });

  it('are written anew when the API server has dropped them', async () => {
    const requests = new Answering(({ method }) => (method === 'PATCH' ? refused(404) : done({})));
    const events = new EventWriter(requests, new Standing());
    for (let times = 0; times < 3; times += 1) {
      events.report(settled);
      await drain();
    }
    expect(requests.sent.map(({ method }) => method)).toEqual([
      'POST',
      'PATCH',
      'POST',
      'PATCH',
      'POST',
    ]);
    expect(bodies(requests).at(-1)?.count).toBe(3);
  });

  it('are new ones each time where they may not be counted', async () => {
    const requests = new Answering(({ method }) => (method === 'PATCH' ? refused(403) : done({})));
    const events = new EventWriter(requests, new Standing());
    for (let times = 0; times < 2; times += 1) {
      events.report(settled);
      await drain();
    }
    expect(requests.sent.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'POST']);
    const names = bodies(requests).map(({ metadata }) => metadata?.name);
    expect(names[2]).not.toBe(names[0]);
  });

  it('are counted by reason and result', async () => {
    const counted: string[] = [];
    const answers = [done({}), refused(403)];
    const requests = new Answering(() => answers.shift() ?? done({}));
    const count = (reason: string, result: string): void => {
      counted.push(`${reason} ${result}`);
    };
    const events = new EventWriter(requests, new Standing(), count);
    events.report(revoked);
    await drain();
    for (let times = 0; times < 30; times += 1) events.report(settled);
    await drain();
    expect(counted.slice(0, 2)).toEqual(['SessionRevoked written', 'SessionRevoked failed']);
    expect(counted.filter((one) => one === 'Reclaimed written')).toHaveLength(25);
    expect(counted.filter((one) => one === 'Reclaimed dropped')).toHaveLength(5);
  });

  it('say nothing of locks for which a dead session only waited', async () => {
    const requests = new Answering();
    new EventWriter(requests, new Standing()).report({ ...settled, held: false });
    await drain();
    expect(requests.sent).toEqual([]);
  });
});

describe('a series of Events', () => {
  const subject = {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: 'billing',
    name: 'billing-0',
    uid: 'u',
  };
  const notice = (message: string): Notice => ({ type: 'Normal', reason: 'LockAcquired', message });

  it('puts similar ones together after ten', () => {
    const series = new EventSeries(new Standing());
    const told = Array.from({ length: 13 }, (_, at) => series.admit(subject, notice(String(at))));
    const names = new Set(told.map((one) => one?.event.name));
    expect(names.size).toBe(11);
    expect(told.at(-1)).toMatchObject({
      notice: { message: '(combined from similar events): 12' },
      event: { count: 3 },
    });
    // What was told before is still counted by itself.
    expect(series.admit(subject, notice('3'))).toMatchObject({
      notice: { message: '3' },
      event: { count: 2 },
    });
  });

  it('begins anew when the server may have dropped it', () => {
    const clock = new Standing();
    const series = new EventSeries(clock);
    const first = series.admit(subject, notice('x'));
    clock.time = 3_600_001;
    const second = series.admit(subject, notice('x'));
    expect(second?.event.count).toBe(1);
    expect(second?.event.name).not.toBe(first?.event.name);
  });

  it('never tells more of an object than its allowance, and one object takes none from another', () => {
    const tellings = fc.array(fc.tuple(fc.nat(400_000), fc.nat(3), fc.nat(40)), { maxLength: 200 });
    fc.assert(
      fc.property(tellings, (times) => {
        const clock = new Standing();
        const series = new EventSeries(clock);
        const admitted: number[] = [];
        for (const [wait, message, many] of times) {
          clock.time += wait;
          for (let count = 0; count < many; count += 1) {
            if (series.admit(subject, notice(String(message)))) admitted.push(clock.time);
          }
        }
        expect(admitted.length).toBeLessThanOrEqual(25 + clock.time / 300_000);
        expect(series.admit({ ...subject, uid: 'other' }, notice('x'))).toBeDefined();
      }),
    );
  });
});
