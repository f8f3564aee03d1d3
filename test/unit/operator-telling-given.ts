import type { Clock } from '../../src/core/clock.ts';
import type { Outcome } from '../../src/kube/outcome.ts';
import type { KubeRequest, Requests } from '../../src/kube/transport.ts';
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
export const SESSION = { namespace: 'billing', name: 'billing-0-1f9a3c21', uid: 'session-uid' };
export const revoked: Report = {
  type: 'revoked',
  session: SESSION,
  by: 'container-terminated',
  proof: PROOF,
  tookMs: 3,
};
export const settled: Extract<Report, { type: 'settled' }> = {
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

export const doubtful: Report = {
  type: 'doubtful',
  namespace: 'billing',
  lease: SESSION.name,
  holder: 'billing-0',
  why: 'end',
  proof: PROOF,
};

/** A clock that stands, a second after the end of the container, until it is moved. */
export class Standing implements Clock {
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
export class Answering implements Requests {
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

export function done(body: object): Outcome<object> {
  return { kind: 'done', body, serverTime: undefined };
}

export function refused(status: number): Outcome<never> {
  return { kind: 'refused', status, reason: '', message: 'no', causes: [], retryAfter: undefined };
}

/** Lets everything run that is ready. */
export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
