import type { Duration } from '../core/duration.ts';
import { ttlSeconds } from '../core/duration.ts';
import type { LeaseholdEvent, Observer } from '../core/events.ts';
import { Leasehold } from '../client/leasehold.ts';
import type { ApiHandler } from './api-server/handler.ts';
import { DirectRequests } from './virtual/direct-requests.ts';
import { Host } from './virtual/host.ts';
import type { VirtualTime } from './virtual/time.ts';

export interface TestProcessOptions {
  /** As in `connect`: 15 s by default. */
  readonly ttl?: Duration;
  /** `default` by default. */
  readonly namespace?: string;
  /** Told of every event, as in `connect`. */
  readonly onEvent?: Observer;
}

/**
 * A process of a {@link TestCluster}: give its client to the code under test. Only the client is
 * simulated; your code runs on as long as the test does, whatever befalls the process.
 */
export class TestProcess {
  /** The identity under which it appears in Leases. */
  readonly name: string;
  /** The client, as `connect` returns it. */
  readonly leasehold: Leasehold;
  /** All events so far. */
  readonly events: readonly LeaseholdEvent[];
  readonly #host: Host;
  readonly #requests: DirectRequests;

  /** @internal */
  constructor(
    name: string,
    surroundings: { handler: ApiHandler; time: VirtualTime },
    options: TestProcessOptions,
  ) {
    const { handler, time } = surroundings;
    const { namespace = 'default', ttl = '15s', onEvent } = options;
    const events: LeaseholdEvent[] = [];
    const observe: Observer = (event) => {
      events.push(event);
      onEvent?.(event);
    };
    this.name = name;
    this.events = events;
    this.#host = new Host(time);
    this.#requests = new DirectRequests(handler, this.#host, handler.tokens.ofUser(name));
    this.leasehold = new Leasehold(
      this.#requests,
      { clock: this.#host, random: Math.random, observe },
      { namespace, identity: { name, owner: undefined }, ttl: ttlSeconds(ttl, 'ttl') },
      () => undefined,
    );
  }

  /**
   * It dies as by SIGKILL: nothing is released, and its promises never settle. What it held is free
   * once another has seen it silent for a ttl.
   */
  crash(): void {
    this.#requests.close();
    this.#host.crash();
  }

  /**
   * It stands still as by SIGSTOP, or in a long pause of its garbage collector: no timer fires and no
   * answer arrives until {@link TestProcess.resume}. Its clock goes on.
   */
  pause(): void {
    this.#host.pause();
  }

  /** It goes on after a {@link TestProcess.pause}. */
  resume(): void {
    this.#host.resume();
  }

  /** It loses the API server: requests get no answer, and watches fall silent. */
  disconnect(): void {
    this.#host.cut = true;
  }

  /** It reaches the API server again. */
  reconnect(): void {
    this.#host.cut = false;
    this.#requests.breakWatches();
  }
}
