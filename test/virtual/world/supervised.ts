import { giveUpTerm } from '../../../src/supervisor/give-up-term.ts';
import { reclaim } from '../../../src/supervisor/reclaim.ts';
import type { Reclaimed } from '../../../src/supervisor/reclaim.ts';
import { Host } from '../../../src/testing/virtual/host.ts';
import { leaseApi } from '../../../src/kube/lease-api.ts';
import { Notebook } from '../../sim/life/supervisor.ts';
import { SimulatedRequests } from '../../sim/world/requests.ts';
import type { VirtualProcess } from '../../sim/world/process.ts';
import { World } from './world.ts';

/** A world in which the parent of `a` sees to what it leaves behind. */
export class SupervisedWorld extends World {
  readonly notebook = new Notebook();
  readonly a: VirtualProcess = this.process('a', { announcer: this.notebook });
  readonly giveUp = new AbortController();
  readonly #host = new Host(this.time);
  readonly #api = leaseApi(
    new SimulatedRequests(this, this.#host, 'supervisor'),
    'default',
    10_000,
  );

  /** `a` dies, and what it has announced is reclaimed. */
  async die(): Promise<Reclaimed[]> {
    this.a.crash();
    const workshop = { api: this.#api, clock: this.#host };
    const { signal } = this.giveUp;
    return Promise.all(this.notebook.read().map((one) => reclaim(workshop, one, signal)));
  }

  /** `a` dies, and the terms that it has announced are given up. */
  async dieLeading(): Promise<boolean[]> {
    this.a.crash();
    const workshop = { api: this.#api, clock: this.#host };
    const { signal } = this.giveUp;
    return Promise.all(this.notebook.lastTerms().map((term) => giveUpTerm(workshop, term, signal)));
  }
}
