import * as acquire from './acquire.ts';
import type { Action } from './action.ts';
import * as challenge from './challenge.ts';
import type { World } from './configuration.ts';
import { Encoding } from './encoding.ts';
import * as holding from './holding.ts';
import * as release from './release.ts';
import * as requests from './requests.ts';
import { holds, violation } from './safety.ts';
import * as sessions from './sessions.ts';
import * as settlers from './settlers.ts';
import { each, initialState, Life, State, Step } from './state.ts';
import * as strangers from './strangers.ts';
import type { Model } from '../model.ts';

/** What processes do that work: progress counts on these, and on nothing else. */
const STEPS: readonly Action[] = [
  requests.takesEffect,
  acquire.holdsWhatItCreated,
  acquire.createsMissing,
  acquire.readsItsGrant,
  acquire.holdsWhatItWasGranted,
  acquire.joins,
  acquire.settlesRecord,
  acquire.readsItsStrays,
  holding.learnsOfItsLoss,
  release.settlesForRelease,
  release.findsItselfReleased,
  release.patchesOutItsQueueEntry,
  sessions.validityEnds,
  sessions.noticesItsLoss,
  sessions.isRevoked,
  sessions.renews,
  challenge.challenges,
  challenge.answersChallenge,
];

/** What may happen, and need not. */
const EVENTS: readonly Action[] = [
  acquire.begins,
  acquire.cancels,
  acquire.withdraws,
  holding.handsOver,
  release.patchesOut,
  requests.timesOut,
  requests.answerIsLost,
  requests.latecomerTakesEffect,
  requests.isSentTwice,
  requests.guardHesitates,
  sessions.crashes,
  sessions.restarts,
  sessions.isPaused,
  sessions.sessionIsDeleted,
  sessions.losesVoidList,
  challenge.strayChallengeArrives,
  settlers.supervisorSettles,
  settlers.supervisorBlanks,
  settlers.operatorBlanks,
  settlers.operatorSettles,
  strangers.strangerDeletesLock,
  strangers.strangerLabelsLock,
  strangers.strangerRemovesWaiter,
  strangers.restoreBringsHolderBack,
  strangers.restoreBringsWaiterBack,
];

/** The lock record and those who write it. */
export function recordModel(world: World): Model<State> {
  const encoding = new Encoding(world, initialState(world));
  return {
    steps: STEPS,
    events: EVENTS,
    actors: world.processes,
    encoding,
    initial: () => initialState(world),
    blank: () => new State(world),
    violation,
    waits: (state, p) => {
      const { waiting, current } = state.process(p);
      return waiting && current.life === Life.Live && current.valid === 1 && !givesUp(state, p);
    },
    served: (state, p) => holds(state, state.process(p)),
    describe,
  };
}

/** A client that only tries, and is in doubt, gives up: it may try again with a new attempt. */
function givesUp(state: State, p: number): boolean {
  return state.world.queues[p] === false && state.process(p).doubtful === 1;
}

const STEP_NAMES = Object.fromEntries(Object.entries(Step).map(([name, step]) => [step, name]));
const LIVES = ['', 'live', 'blank', 'missing'];

/** @param names - by the index of a process in this state, what it is called in the trace */
function describe(state: State, names: readonly number[]): string {
  const { world } = state;
  const called = (set: number): string =>
    entriesText(world, set).replace(
      /P(\d)/g,
      (_, index: string) => `P${String(names[Number(index)])}`,
    );
  const record =
    state.exists === 1
      ? `[holds ${called(state.holders)}, waits ${called(state.queue)}]@${String(state.version)}`
      : 'no Lease';
  const processes = state.processes.map((process, index) => {
    const attempt = `${STEP_NAMES[process.step] ?? ''}/${String(process.id)}`;
    const all = process.sessions
      .filter(({ life }) => life !== Life.None)
      .map((session) => `${LIVES[session.life] ?? ''}${session.valid === 1 ? '' : ', not valid'}`);
    return { name: names[index] ?? 0, text: `${attempt} (${all.join('; ')})` };
  });
  processes.sort((a, b) => a.name - b.name);
  const all = processes.map(({ name, text }) => `P${String(name)} ${text}`);
  return `${record}  ${all.join('  ')}`;
}

/** The entries of a set, by process and attempt: P1/0 is the first attempt of process 1. */
function entriesText(world: World, set: number): string {
  const names: string[] = [];
  each(set, (entry) => {
    names.push(`P${String(world.ownerOf(entry))}/${String(world.idOf(entry))}`);
  });
  return names.length === 0 ? '-' : names.join(' ');
}
