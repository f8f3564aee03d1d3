import type { Model } from '../model.ts';
import type { World } from './configuration.ts';
import * as observer from './observer.ts';
import * as owner from './owner.ts';
import { Encoding, Life, Look, State } from './state.ts';
import * as time from './time.ts';

/**
 * A session and its observer in time: nobody takes it for dead while its owner relies on it, and
 * everybody can find out that its owner has ended. The model of the record builds on that. An election
 * is the same with other names: its candidate takes the Lease over instead of blanking it.
 */
export function heartbeatModel(world: World): Model<State> {
  return {
    steps: [
      time.timePasses,
      observer.observerIsTold,
      observer.observerSees,
      observer.observerLooksAgain,
      observer.revocationTakesEffect,
    ],
    events: [
      owner.sendsRenewal,
      owner.renewalTakesEffect,
      owner.renewalIsAnswered,
      owner.renewalAnswerIsLost,
      owner.renewalTimesOut,
      owner.lateRenewalTakesEffect,
      owner.readsItsSession,
      owner.ownerCrashes,
      time.observersClockGains,
      time.ownersClockMisleads,
      time.strangerLabelsSession,
      time.sessionIsDeleted,
      observer.serverClockJumps,
    ],
    actors: 1,
    encoding: new Encoding(),
    initial: () => new State(world),
    blank: () => new State(world),
    violation: (state) =>
      state.look === Look.Dead && state.relies
        ? 'the owner relies on a session that was taken for dead'
        : undefined,
    waits: (state) => state.running === 0,
    served: (state) => state.look === Look.Dead,
    describe,
  };
}

function describe(state: State): string {
  const life = Object.entries(Life).find(([, value]) => value === state.life)?.[0] ?? '';
  const owner = state.running === 1 ? `relies for ${String(state.remaining)}` : 'ended';
  const look = Object.entries(Look).find(([, value]) => value === state.look)?.[0] ?? '';
  return `session ${life}  owner ${owner}  observer ${look}, unseen for ${String(state.unseen)}`;
}
