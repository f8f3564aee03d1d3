import type { Lease } from '../../../src/core/lease.ts';
import type { LeaseApi, LeasePatch, RequestLimits } from '../../../src/kube/lease-api.ts';
import type { LeaseOutcome, Outcome } from '../../../src/kube/outcome.ts';
import type { WatchStream } from '../../../src/kube/watch-stream.ts';
import { refused, unknown } from './answers.ts';
import type { Host } from '../../../src/testing/virtual/host.ts';
import { openWatch } from './watch-server.ts';
import type { OpenWatch } from './watch-server.ts';
import type { World } from './world.ts';

export type Verb = 'get' | 'create' | 'replace' | 'patch' | 'remove' | 'watch';

/** A request as the network sees it. */
export interface SentRequest {
  readonly at: number;
  readonly process: string;
  readonly verb: Verb;
  readonly name: string;
  readonly body: Lease | LeasePatch | undefined;
  /** What the server did with it, as soon as it did. */
  result?: Outcome<unknown>;
  /** What went wrong with it. */
  fault?: Fault;
}

/** What goes wrong with a request. Delays are milliseconds from the moment of sending. */
export type Fault =
  | { kind: 'refuse'; status: number; reason?: string; retryAfter?: number }
  | { kind: 'unsent' }
  | { kind: 'lose-request'; after?: number }
  | { kind: 'lose-answer'; after?: number }
  /** Taken for lost after `after`, and done after `lands` nevertheless. */
  | { kind: 'late'; after: number; lands: number }
  | { kind: 'slow'; there: number; back: number };

const DEFAULT_DEADLINE_MS = 10_000;

/** The requests of one process to the shared store, over a network with faults. */
export class VirtualApi implements LeaseApi {
  readonly namespace = 'default';
  readonly watches = new Set<OpenWatch>();
  readonly #world: World;
  readonly #host: Host;
  readonly #process: string;

  constructor(world: World, host: Host, process: string) {
    this.#world = world;
    this.#host = host;
    this.#process = process;
  }

  get(name: string, limits?: RequestLimits): Promise<LeaseOutcome> {
    return this.#send('get', name, undefined, limits, () => this.#world.store.get(name));
  }

  getCached(name: string, limits?: RequestLimits): Promise<LeaseOutcome> {
    return this.#send('get', name, undefined, limits, () =>
      this.#world.store.getCached(name, this.#world.cacheLag),
    );
  }

  create(lease: Lease, limits?: RequestLimits): Promise<LeaseOutcome> {
    const body = copy(lease);
    return this.#send('create', lease.metadata.name, body, limits, () =>
      this.#world.store.create(body),
    );
  }

  replace(lease: Lease, limits?: RequestLimits): Promise<LeaseOutcome> {
    const body = conditional(lease);
    return this.#send('replace', lease.metadata.name, body, limits, () =>
      this.#world.store.replace(body),
    );
  }

  patch(name: string, patch: LeasePatch, limits?: RequestLimits): Promise<LeaseOutcome> {
    const body = copy(patch);
    return this.#send('patch', name, body, limits, () => this.#world.store.patch(name, body));
  }

  remove(lease: Lease, limits?: RequestLimits): Promise<Outcome<unknown>> {
    const body = conditional(lease);
    return this.#send('remove', lease.metadata.name, body, limits, () =>
      this.#world.store.remove(body),
    );
  }

  openWatch(
    name: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>> {
    return this.#send('watch', name, undefined, { deadline, signal }, () =>
      openWatch(this.#world, this.#host, this.watches, { name, query }),
    );
  }

  #send<T>(
    verb: Verb,
    name: string,
    body: SentRequest['body'],
    limits: RequestLimits = {},
    execute: () => Outcome<T>,
  ): Promise<Outcome<T>> {
    const world = this.#world;
    const host = this.#host;
    const { time } = world;
    if (limits.signal?.aborted) return Promise.resolve(unknown('aborted', false));
    const request: SentRequest = { at: time.now, process: this.#process, verb, name, body };
    world.requests.push(request);
    const fault = world.faultOf(request);
    return new Promise((resolve) => {
      let over = false;
      const settle = (outcome: Outcome<T>): void => {
        if (over) {
          if (outcome.kind === 'done' && verb === 'watch') (outcome.body as WatchStream).close();
          return;
        }
        over = true;
        cancelDeadline();
        limits.signal?.removeEventListener('abort', abort);
        resolve(outcome);
      };
      const abort = (): void => settle(unknown('aborted'));
      const cancelDeadline = host.schedule(limits.deadline ?? DEFAULT_DEADLINE_MS, () =>
        settle(unknown('no answer before the deadline')),
      );
      limits.signal?.addEventListener('abort', abort, { once: true });
      const answer = (outcome: Outcome<T>, delay: number): void => {
        time.schedule(delay, () => {
          if (!host.cut) host.run(() => settle(outcome));
        });
      };
      const arrive = (delay: number, back: number | undefined): void => {
        time.schedule(delay, () => {
          if (host.cut) return;
          const outcome = execute();
          request.result = outcome;
          if (back !== undefined) answer(outcome, back);
        });
      };
      const lost = (after: number | undefined): void => {
        if (after !== undefined) answer(unknown('connection reset'), after);
      };

      switch (fault?.kind) {
        case undefined:
          arrive(world.latency(), world.latency());
          break;
        case 'slow':
          arrive(fault.there, fault.back);
          break;
        case 'refuse': {
          const { status, reason = '', retryAfter } = fault;
          answer(refused(status, reason, 'refused by a fault', [], retryAfter), world.latency());
          break;
        }
        case 'unsent':
          answer(unknown('connect ECONNREFUSED', false), world.latency());
          break;
        case 'lose-request':
          lost(fault.after);
          break;
        case 'lose-answer':
          arrive(world.latency(), undefined);
          lost(fault.after);
          break;
        case 'late':
          arrive(fault.lands, undefined);
          lost(fault.after);
          break;
      }
    });
  }
}

function conditional(lease: Lease): Lease {
  if (!lease.metadata.uid || !lease.metadata.resourceVersion) {
    throw new TypeError('a write lacks uid or resourceVersion');
  }
  return copy(lease);
}

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
