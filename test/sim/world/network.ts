import { readAnswer } from '../../../src/kube/answer.ts';
import type { Lease } from '../../../src/core/lease.ts';
import type { LeasePatch } from '../../../src/kube/lease-api.ts';
import type { Outcome } from '../../../src/kube/outcome.ts';
import type { Host } from '../../../src/testing/virtual/host.ts';
import { VirtualStream } from '../../../src/testing/virtual/stream.ts';
import { unknown } from './answers.ts';
import type { ApiServer } from './control-plane.ts';
import type { World } from './world.ts';

export type Verb = 'get' | 'list' | 'create' | 'replace' | 'patch' | 'remove' | 'watch';

/** A request as the network sees it. */
export interface SentRequest {
  readonly at: number;
  readonly process: string;
  readonly verb: Verb;
  readonly name: string;
  readonly body: Lease | LeasePatch | object | undefined;
  /** What the server did with it, as soon as it did. */
  result?: Outcome<unknown>;
  /** What went wrong with it. */
  fault?: Fault;
}

/** What goes wrong with a request. Delays are milliseconds from the moment of sending. */
export type Fault =
  | { kind: 'refuse'; status: number; reason?: string; message?: string; retryAfter?: number }
  /** An answer that is not the API server's. */
  | { kind: 'proxy'; status: number }
  /** The API server says that something went wrong: before or after it was done. */
  | { kind: 'fail'; status: number; done: boolean }
  | { kind: 'unsent' }
  | { kind: 'lose-request'; after?: number }
  | { kind: 'lose-answer'; after?: number }
  /** Taken for lost after `after`, and done after `lands` nevertheless. */
  | { kind: 'late'; after: number; lands: number }
  | { kind: 'slow'; there: number; back: number };

interface Limits {
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

/** Brings the requests of one process to an API server and the answers back, unless something goes wrong. */
export class Network {
  readonly #world: World;
  readonly #host: Host;
  /** The API server that the process is connected to. */
  server: ApiServer;
  /** Milliseconds that everything takes longer, there and back. */
  slowness = { there: 0, back: 0 };

  constructor(world: World, host: Host) {
    this.#world = world;
    this.#host = host;
    this.server = world.controlPlane.servers[0] as ApiServer;
  }

  send<T>(
    request: SentRequest,
    { deadline, signal }: Limits,
    serve: (server: ApiServer) => Outcome<T>,
  ): Promise<Outcome<T>> {
    if (signal?.aborted) return Promise.resolve(unknown('aborted', false));
    const host = this.#host;
    host.hesitate();
    this.#world.requests.push(request);
    const fault = this.#world.faultOf(request);
    return new Promise((resolve) => {
      const settle = (outcome: Outcome<T>): void => {
        if (way.over) {
          dropAnswer(outcome);
          return;
        }
        way.over = true;
        cancelDeadline();
        signal?.removeEventListener('abort', abort);
        resolve(outcome);
      };
      const abort = (): void => settle(unknown('aborted'));
      const cancelDeadline = host.schedule(deadline, () =>
        settle(unknown('no answer before the deadline')),
      );
      signal?.addEventListener('abort', abort, { once: true });
      const way = new Way<T>(this.#world, host, this.server, this.slowness, settle);
      way.go(request, serve, fault);
    });
  }
}

/** The way of one request, there and back. */
class Way<T> {
  over = false;
  readonly #world: World;
  readonly #host: Host;
  readonly #server: ApiServer;
  readonly #life: number;
  readonly #slowness: { there: number; back: number };
  readonly #settle: (outcome: Outcome<T>) => void;

  constructor(
    world: World,
    host: Host,
    server: ApiServer,
    slowness: { there: number; back: number },
    settle: (outcome: Outcome<T>) => void,
  ) {
    this.#world = world;
    this.#host = host;
    this.#server = server;
    this.#life = server.life;
    this.#slowness = slowness;
    this.#settle = settle;
  }

  go(request: SentRequest, serve: (server: ApiServer) => Outcome<T>, fault: Fault | undefined) {
    const world = this.#world;
    // A process that stands still sends when it goes on.
    const leaves = this.#host.reached - world.time.now;
    const arrive = (there: number, back: number | undefined): void => {
      world.time.schedule(leaves + there, () => {
        if (!this.#mayArrive(leaves)) return;
        const outcome = world.controlPlane.by(this.#server, () => serve(this.#server));
        request.result = outcome;
        world.landed(request);
        if (back === undefined) dropAnswer(outcome);
        else this.#answer(outcome, back);
      });
    };
    const lost = (after: number | undefined): void => {
      if (after !== undefined) this.#answer(unknown('connection reset'), leaves + after);
    };
    switch (fault?.kind) {
      case undefined:
        if (this.#server.up) {
          const { there, back } = this.#slowness;
          arrive(there + world.latency(), back + world.latency());
        } else this.#answer(unknown('connect ECONNREFUSED', false), leaves + world.latency());
        break;
      case 'fail':
        if (fault.done) arrive(world.latency(), undefined);
        this.#answer(errorOf(fault.status), leaves + 2 * world.latency());
        break;
      case 'slow':
        arrive(fault.there, fault.back);
        break;
      case 'refuse':
        this.#answer(refusal(fault), leaves + world.latency());
        break;
      case 'proxy':
        this.#answer(pageOf(fault.status), leaves + world.latency());
        break;
      case 'unsent':
        this.#answer(unknown('connect ECONNREFUSED', false), leaves + world.latency());
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
  }

  #mayArrive(leaves: number): boolean {
    // What was still to be sent when the process died, or when the server did, is not.
    if (leaves > 0 && this.#host.state === 'crashed') return false;
    if (this.#server.life !== this.#life || !this.#server.up) {
      this.#answer(unknown('connection reset'), this.#world.latency());
      return false;
    }
    return !this.#host.cut;
  }

  #answer(outcome: Outcome<T>, delay: number): void {
    this.#world.time.schedule(delay, () => {
      const isReset = outcome.kind === 'done' && this.#server.life !== this.#life;
      if (this.#host.cut || isReset) dropAnswer(outcome);
      if (this.#host.cut) return;
      this.#host.run(() => this.#settle(isReset ? unknown('connection reset') : outcome));
    });
  }
}

/** Nobody will read it: a watch ends. */
function dropAnswer(outcome: Outcome<unknown>): void {
  if (outcome.kind === 'done' && outcome.body instanceof VirtualStream) outcome.body.close();
}

/** As the API server says no. */
function refusal(fault: Fault & { kind: 'refuse' }): Outcome<never> {
  const { status, reason = '', message = 'by a fault', retryAfter } = fault;
  const body = { kind: 'Status', status: 'Failure', code: status, reason, message };
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter / 1_000) };
  return readAnswer<never>(status, headers, Buffer.from(JSON.stringify(body)));
}

/** As the API server says that it could not do it, or does not know whether it did. */
function errorOf(status: number): Outcome<never> {
  const body = { kind: 'Status', status: 'Failure', code: status, reason: 'InternalError' };
  return readAnswer<never>(status, {}, Buffer.from(JSON.stringify(body)));
}

/** As something on the way says no. */
function pageOf(status: number): Outcome<never> {
  return readAnswer<never>(status, {}, Buffer.from('<html>nginx</html>'));
}
