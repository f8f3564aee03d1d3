import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { isLeaseholdError } from '../../src/core/errors.ts';
import type { Notice } from '../../src/kube/events.ts';
import type { Outcome } from '../../src/kube/outcome.ts';
import type { KubeRequest, Requests } from '../../src/kube/transport.ts';
import { CountingRequests } from '../../src/operator/counting-requests.ts';
import { EventSeries } from '../../src/operator/event-series.ts';
import { EventWriter } from '../../src/operator/event-writer.ts';
import { operatorLog } from '../../src/operator/log.ts';
import { Metrics } from '../../src/operator/metrics.ts';
import { checkOperatorPermissions } from '../../src/operator/permissions.ts';
import { ProbeServer } from '../../src/operator/probe-server.ts';
import type { Report } from '../../src/operator/report.ts';

const FINISHED = Date.UTC(2026, 0, 1, 11, 30);
const PROOF = {
  pod: 'billing-0',
  podUid: 'pod-uid',
  container: 'main',
  containerID: 'containerd://one',
  reason: 'OOMKilled',
  exitCode: 137,
  sessionStart: FINISHED - 60_000,
  finishedAt: FINISHED,
};
const SESSION = { namespace: 'billing', name: 'billing-0-1f9a3c21', uid: 'session-uid' };
const revoked: Report = {
  type: 'revoked',
  session: SESSION,
  by: 'container-terminated',
  proof: PROOF,
  tookMs: 3,
};
const settled: Report = {
  type: 'settled',
  namespace: 'billing',
  lock: 'invoices',
  lockUid: 'lock-uid',
  holders: [{ id: 'c01dbe77-4', session: 'billing-1-c01dbe77' }],
  session: SESSION,
  proof: PROOF,
  held: true,
  tookMs: 20,
};

/** A clock that stands, a second after the end of the container, until it is moved. */
class Standing implements Clock {
  time = 0;
  now(): number {
    return this.time;
  }
  wall(): number {
    return FINISHED + 1_000 + this.time;
  }
  schedule(): () => void {
    return () => undefined;
  }
}

/** Answers every request in the same way, and knows what was sent. */
class Answering implements Requests {
  readonly sent: KubeRequest[] = [];
  readonly #answer: (request: KubeRequest) => Outcome<unknown>;
  constructor(answer: (request: KubeRequest) => Outcome<unknown> = () => done({})) {
    this.#answer = answer;
  }
  request<T>(request: KubeRequest): Promise<Outcome<T>> {
    this.sent.push(request);
    return Promise.resolve(this.#answer(request) as Outcome<T>);
  }
  openWatch(): Promise<Outcome<never>> {
    return Promise.resolve(refused(403));
  }
  close(): void {
    // Nothing is open.
  }
}

function done(body: object): Outcome<object> {
  return { kind: 'done', body, serverTime: undefined };
}

function refused(status: number): Outcome<never> {
  return { kind: 'refused', status, reason: '', message: 'no', causes: [], retryAfter: undefined };
}

/** Lets everything run that is ready. */
function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('the metrics', () => {
  it('tell reclaims by proof, and the time from the death to the next holder', async () => {
    const metrics = new Metrics(new Standing());
    metrics.report(revoked);
    metrics.report(settled);
    metrics.report({ type: 'failed', what: 'x', error: new Error('y') });
    metrics.countRequest('list', '2xx');
    metrics.leads(true);
    const text = await metrics.text();
    expect(text).toContain('leasehold_reclaims_total{proof="container-terminated"} 1');
    expect(text).toContain('leasehold_death_to_holder_seconds_sum 1');
    expect(text).toContain('leasehold_reclaim_seconds_sum 0.02');
    expect(text).toContain('leasehold_api_requests_total{verb="list",code="2xx"} 1');
    expect(text).toContain('leasehold_failures_total 1');
    expect(text).toContain('leasehold_operator_leader 1');
  });

  it('leave out what the clocks of two machines make impossible', async () => {
    const clock = new Standing();
    clock.time = -60_000;
    const metrics = new Metrics(clock);
    metrics.report(settled);
    expect(await metrics.text()).toContain('leasehold_death_to_holder_seconds_count 0');
  });

  it('count requests as RBAC names them', async () => {
    const counted: string[] = [];
    const answers = [done({}), refused(409), refused(403)];
    const requests = new CountingRequests(
      new Answering(() => answers.shift() ?? done({})),
      (verb, code) => counted.push(`${verb} ${code}`),
    );
    await requests.request({ method: 'GET', path: '/x', query: { limit: '500' } });
    await requests.request({ method: 'PUT', path: '/x' });
    await requests.request({ method: 'DELETE', path: '/x' });
    await requests.openWatch('/x', {}, 0, new AbortController().signal);
    expect(counted).toEqual(['list 2xx', 'update 409', 'delete 403', 'watch 403']);
  });
});

describe('the log', () => {
  it('tells the proof of a revocation, and the same trouble once a minute', () => {
    const lines: { level: string; fields: object; message: string }[] = [];
    const line =
      (level: string) =>
      (fields: object, message: string): void => {
        lines.push({ level, fields, message });
      };
    const clock = new Standing();
    const log = operatorLog(
      { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
      clock,
    );
    log(revoked);
    expect(lines.pop()).toMatchObject({
      level: 'info',
      fields: {
        name: SESSION.name,
        proof: {
          containerID: 'containerd://one',
          sessionStart: '2026-01-01T11:29:00.000Z',
          finishedAt: '2026-01-01T11:30:00.000Z',
        },
      },
    });
    const trouble: Report = { type: 'failed', what: 'follow Pods', error: new Error('refused') };
    for (let times = 0; times < 10; times += 1) log(trouble);
    expect(lines).toHaveLength(1);
    clock.time = 60_000;
    log(trouble);
    expect(lines).toHaveLength(2);
    expect(lines[1]?.fields).toMatchObject({ untold: 9 });
  });
});

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

describe('the permissions', () => {
  const reviewer = (isAllowed: (attributes: Record<string, string>) => boolean): Answering =>
    new Answering(({ body }) => {
      const { spec } = body as { spec: { resourceAttributes: Record<string, string> } };
      return done({ status: { allowed: isAllowed(spec.resourceAttributes) } });
    });

  it('are asked for at the start', async () => {
    await checkOperatorPermissions(
      reviewer(() => true),
      ['a'],
      'own',
    );
  });

  it('are named with the rule to add where they are missing', async () => {
    const requests = reviewer(({ resource, verb }) => resource !== 'pods' || verb === 'list');
    const error = await checkOperatorPermissions(requests, undefined, 'own').catch(
      (reason: unknown) => reason,
    );
    expect(isLeaseholdError(error, 'FORBIDDEN')).toBe(true);
    expect(String(error)).toContain(
      'watch pods in all namespaces: add to a ClusterRole { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }',
    );
  });

  it('are found out by use where nobody may ask', async () => {
    await checkOperatorPermissions(new Answering(() => refused(403)), undefined, 'own');
  });
});

describe('the probes', () => {
  let server: ProbeServer | undefined;

  afterEach(async () => {
    await server?.stop();
  });

  it('tell health at once, readiness when all was read, and the metrics', async () => {
    let isReady = false;
    server = await ProbeServer.start(
      {
        isReady: () => isReady,
        metrics: () => Promise.resolve('leasehold_x 1\n'),
        metricsType: 'text/plain; version=0.0.4',
      },
      0,
    );
    const url = `http://127.0.0.1:${String(server.port)}`;
    const status = async (path: string): Promise<number> => (await fetch(url + path)).status;
    expect(await status('/healthz')).toBe(200);
    expect(await status('/readyz')).toBe(503);
    isReady = true;
    expect(await status('/readyz')).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toBe('leasehold_x 1\n');
    expect(await status('/x')).toBe(404);
  });
});
