import { onTestFinished } from 'vitest';
import type { Fault, SentRequest } from '../../sim/world/network.ts';
import { World as SimulatedWorld } from '../../sim/world/world.ts';

/** The simulated world, in a test that says itself what goes wrong. */
export class World extends SimulatedWorld {
  /** If nothing has gone wrong with any request, the test has tested nothing, and fails. */
  override inject(choose: (request: SentRequest) => Fault | undefined): () => void {
    let befell = false;
    onTestFinished(() => {
      if (!befell) throw new Error('no request has met a fault that was injected');
    });
    return super.inject((request) => {
      const fault = choose(request);
      befell ||= fault !== undefined;
      return fault;
    });
  }
}
