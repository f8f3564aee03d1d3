import type { Random } from '../../../src/core/clock.ts';
import { withResignRequest } from '../../../src/core/election.ts';
import { CHALLENGE_ANNOTATION } from '../../../src/core/lease.ts';
import { HOLDER_PREFIX } from '../../../src/core/record.ts';
import type { Fault, SentRequest } from '../world/api.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';

/** Everything that goes wrong, at random: requests, watches, processes, and people who edit. */
export class Disturbance {
  readonly #world: World;
  readonly #random: Random;
  readonly #replace: (crashed: VirtualProcess) => void;
  readonly #stopFaults: () => void;
  #active = true;

  /** @param replace - a process has crashed: start another one if it is wanted */
  constructor(world: World, random: Random, replace: (crashed: VirtualProcess) => void) {
    this.#world = world;
    this.#random = random;
    this.#replace = replace;
    world.latency = () => (this.#chance(0.01) ? 60 : 0.2 + random() * 4);
    this.#stopFaults = world.inject((request) => this.#fault(request));
    this.#disturb();
  }

  /** From now on everything works; what is still in flight may land late. */
  stop(): void {
    this.#active = false;
    this.#stopFaults();
    for (const { host } of this.#world.processes) {
      host.cut = false;
      host.resume();
    }
  }

  #fault(request: SentRequest): Fault | undefined {
    if (!this.#chance(0.08)) return undefined;
    const kind = this.#below(7);
    if (request.verb === 'watch' && kind > 2) return undefined;
    if (kind === 0) return { kind: 'unsent' };
    if (kind === 1) return { kind: 'refuse', status: 429, retryAfter: this.#below(2) * 1_000 };
    if (kind === 2) return { kind: 'lose-request', after: this.#below(1_000) };
    if (kind === 3) return { kind: 'lose-answer', after: this.#below(1_000) };
    if (kind === 4) return { kind: 'slow', there: this.#below(3_000), back: this.#below(3_000) };
    return { kind: 'late', after: this.#below(300), lands: this.#below(20_000) };
  }

  /** Something happens to somebody, again and again. */
  #disturb(): void {
    if (!this.#active) return;
    const { time, processes } = this.#world;
    const victim = this.#pick(processes.filter(({ host }) => host.state !== 'crashed'));
    const duration = this.#random() ** 2 * 15_000;
    const dice = this.#random();
    if (!victim || dice < 0.3) {
      this.#edit();
    } else if (dice < 0.5) {
      this.#world.befall('pause', victim.name);
      victim.host.pause();
      time.schedule(duration, () => victim.host.resume());
    } else if (dice < 0.7) {
      this.#world.befall('cut', victim.name);
      victim.host.cut = true;
      time.schedule(duration, () => (victim.host.cut = false));
    } else if (dice < 0.85) {
      const watch = this.#pick([...victim.api.watches]);
      const silent = this.#chance(0.3);
      if (watch) this.#world.befall(silent ? 'watch silent' : 'watch cut', victim.name);
      if (silent) watch?.silence();
      else watch?.cut();
    } else {
      this.#world.befall('crash', victim.name);
      victim.crash();
      this.#replace(victim);
    }
    time.schedule(this.#random() * 2_000, () => this.#disturb());
  }

  #edit(): void {
    const { store, time } = this.#world;
    const name = this.#pick(store.names());
    const role = name && store.peek(name)?.metadata.labels?.['leasehold.dev/role'];
    // To delete a lock is a steal; to delete a session is not.
    if (!name) return;
    if (role === 'session' && this.#chance(0.3)) {
      this.#world.befall('session deleted', name);
      store.removeByHand(name);
    } else if (role === 'session' && this.#chance(0.3)) {
      this.#world.befall('challenge', name);
      this.#challenge(name);
    } else if (role === undefined && this.#chance(0.5)) {
      this.#world.befall('asked to resign', name);
      this.#askToResign(name);
    } else {
      this.#world.befall('label edited', name);
      store.editByHand(name, { labels: { edited: String(Math.round(time.now)) } });
    }
  }

  /** Asks about an attempt of anybody, which holds or has held. */
  #challenge(session: string): void {
    const { store } = this.#world;
    const holders = store
      .names()
      .flatMap((name) => Object.keys(store.peek(name)?.metadata.annotations ?? {}))
      .filter((key) => key.startsWith(HOLDER_PREFIX));
    const attempt = this.#pick(holders)?.slice(HOLDER_PREFIX.length) ?? 'ffffffff-1';
    store.editByHand(session, { annotations: { [CHALLENGE_ANNOTATION]: attempt } });
  }

  /** For the term that is, or one that was. */
  #askToResign(name: string): void {
    const { store } = this.#world;
    const lease = store.peek(name);
    if (!lease) return;
    const asked = withResignRequest(lease, this.#chance(0.3) ? 'c2' : undefined);
    if (this.#chance(0.8)) store.replace(asked, 'kubectl');
    else store.editByHand(name, { annotations: { 'leasehold.dev/resign': 'c1_1/0' } });
  }

  #pick<T>(choices: readonly T[]): T | undefined {
    return choices[this.#below(choices.length)];
  }

  #below(most: number): number {
    return Math.floor(this.#random() * most);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }
}
