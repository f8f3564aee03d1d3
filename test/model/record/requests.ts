import type { Next } from './action.ts';
import { isAnswered } from './answers.ts';
import { Answer, at, each, Life, Step, Uid, Verb } from './state.ts';
import type { Process, Request, State } from './state.ts';

/**
 * What becomes of a request: it takes effect and is answered, or its answer is lost, or it is given
 * up and takes effect later, or never.
 */

/** Sends a request on the record as it is now; the process waits for its answer in `step`. */
export function send(state: State, p: number, step: Step, verb: Verb): Request {
  const process = state.process(p);
  const { request } = process;
  request.clear();
  request.verb = verb;
  request.id = process.id;
  const isSettlement = verb === Verb.Put || verb === Verb.Delete;
  if (isSettlement) request.version = state.version;
  if (verb !== Verb.Create) request.uid = Uid.Current;
  process.step = step;
  return request;
}

function inFlight(process: Process): boolean {
  return process.request.verb !== Verb.None;
}

/** The request reaches the API server, and its answer the process. */
export function takesEffect(now: State, p: number, next: Next): void {
  if (!inFlight(now.process(p))) return;
  const state = next();
  isAnswered(state, p, apply(state, p, state.process(p).request));
}

/** The write happened, or did not, and nobody is told. */
export function answerIsLost(now: State, p: number, next: Next): void {
  if (!now.may('losses') || !inFlight(now.process(p))) return;
  const state = next();
  state.happens('losses');
  apply(state, p, state.process(p).request);
  isAnswered(state, p, Answer.Unknown);
}

/** The process gives the request up; it is still on its way. */
export function timesOut(now: State, p: number, next: Next): void {
  const process = now.process(p);
  if (!now.may('losses') || !inFlight(process) || !hasRoom(process)) return;
  const state = next();
  state.happens('losses');
  leaveOnItsWay(state.process(p));
  isAnswered(state, p, Answer.Unknown);
}

/** A request that was given up takes effect after all. */
export function latecomerTakesEffect(now: State, p: number, next: Next): void {
  for (const slot of [0, 1] as const) {
    if (now.process(p).late[slot].verb === Verb.None) continue;
    const state = next();
    const request = state.process(p).late[slot];
    apply(state, p, request);
    request.clear();
  }
}

/** Without the rule: the transport sends a CREATE or a join again, of its own accord. */
export function isSentTwice(now: State, p: number, next: Next): void {
  const process = now.process(p);
  const { verb } = process.request;
  if (now.world.rules.joinOnce || !inFlight(process) || !hasRoom(process)) return;
  if (verb !== Verb.Create && verb !== Verb.Join) return;
  const state = next();
  leaveOnItsWay(state.process(p));
}

/** What is on its way when a process gives up waiting for it, or ends. */
export function leaveOnItsWay(process: Process): void {
  if (!inFlight(process)) return;
  freeSlot(process)?.copy(process.request);
}

/** Where one more late request can be noted. */
export function freeSlot(process: Process): Request | undefined {
  return process.late.find((request) => request.verb === Verb.None);
}

function hasRoom(process: Process): boolean {
  return freeSlot(process) !== undefined;
}

/** The API server carries out a request, if its conditions are met. */
function apply(state: State, p: number, request: Request): Answer {
  const { rules } = state.world;
  const entry = state.world.entry(p, request.id);
  const isThisObject = state.exists === 1 && request.uid === Uid.Current;
  const isThisVersion =
    isThisObject && (namesNoVersion(state, request) || request.version === state.version);
  switch (request.verb) {
    case Verb.Create:
      if (state.exists === 1) return Answer.Refused;
      createRecord(state, entry, 0);
      return Answer.Done;
    case Verb.Put:
      if (state.exists === 0 && !rules.uid) {
        createRecord(state, request.holders, request.queue);
        return Answer.Done;
      }
      if (!isThisVersion || guardRefuses(state, p, request)) return Answer.Refused;
      replaceRecord(state, request.holders, request.queue);
      return Answer.Done;
    case Verb.Delete:
      if (!isThisVersion || guardRefuses(state, p, request)) return Answer.Refused;
      removeRecord(state);
      return Answer.Done;
    case Verb.Join:
      if (!isThisObject) return Answer.Refused;
      if ((state.queue & entry) === 0) writeEntries(state, state.holders, state.queue | entry);
      return Answer.Done;
    case Verb.Leave:
      if (!isThisObject) return Answer.Refused;
      removeEntries(state, rules.withdrawalLeavesHolder ? 0 : entry, entry);
      return Answer.Done;
    case Verb.PatchOut:
      if (!isThisObject) return Answer.Refused;
      removeEntries(state, entry, rules.patchBoth ? entry : 0);
      return Answer.Done;
    case Verb.None:
      return Answer.Refused;
  }
}

/** Without the rules: a settlement that takes effect whatever the record is by then. */
export function namesNoVersion({ world }: State, { version }: Request): boolean {
  return !world.rules.version || (!world.rules.supervisorVersion && version === 0);
}

/** The record after a settlement: whoever is new among the holders gets its fence. */
export function replaceRecord(state: State, holders: number, queue: number): void {
  const granted = holders & ~state.holders;
  const { rules } = state.world;
  const condition = state.version;
  const dropped = state.holders & ~holders;
  each(dropped, (entry) => (state.attemptOf(entry).fence = 0));
  each(state.holders & holders, (entry) => {
    // The creator's entry is stamped with the version that was read, for people.
    const attempt = state.attemptOf(entry);
    if (attempt.fence === 0) attempt.fence = condition;
  });
  writeEntries(state, holders, queue);
  if (granted !== 0 && !rules.fenceRecreation) state.grants += 1;
  each(granted, (entry) => {
    state.attemptOf(entry).fence = rules.fenceGrant ? state.version : condition;
  });
}

function createRecord(state: State, holders: number, queue: number): void {
  state.exists = 1;
  state.grants = state.world.rules.fenceRecreation ? 0 : 1;
  writeEntries(state, holders, queue);
  each(holders, (entry) => (state.attemptOf(entry).fence = 0));
}

/** The Lease is gone, and with it what its uid and versions stood for. */
export function removeRecord(state: State): void {
  each(state.holders, (entry) => (state.attemptOf(entry).fence = 0));
  state.exists = state.version = state.holders = state.queue = state.grants = 0;
  for (const process of state.processes) {
    const { request, late } = process;
    if (request.uid === Uid.Current) request.uid = Uid.Replaced;
    if (late[0].uid === Uid.Current) late[0].uid = Uid.Replaced;
    if (late[1].uid === Uid.Current) late[1].uid = Uid.Replaced;
    if (process.joined === Uid.Current) process.joined = Uid.Replaced;
  }
}

export function removeEntries(state: State, holders: number, queue: number): void {
  const changes = (state.holders & holders) | (state.queue & queue);
  if (changes === 0) return;
  each(state.holders & holders, (entry) => (state.attemptOf(entry).fence = 0));
  writeEntries(state, state.holders & ~holders, state.queue & ~queue);
}

export function writeEntries(state: State, holders: number, queue: number): void {
  state.version = state.nextVersion();
  state.holders = holders;
  state.queue = queue;
}

/**
 * The guard (docs/security.md): nobody else takes a holder out unless its session is missing, blank, or
 * disowns the attempt; and nobody deletes what another holds, dead or not.
 */
function guardRefuses(state: State, p: number, request: Request): boolean {
  const { world, holders } = state;
  const others = holders & ~at(world.entriesOf, p);
  if (!world.configuration.guarded || others === 0) return false;
  if (request.verb === Verb.Delete) return true;
  let refused = false;
  each(others & ~request.holders, (entry) => {
    const session = state.sessionOf(entry);
    const isVoid = session && (session.void & (1 << world.idOf(entry))) !== 0;
    if (session?.life === Life.Live && !isVoid) refused = true;
  });
  return refused;
}

/** The guard's copy of the sessions is old: it refuses for longer than it would have to. */
export function guardHesitates(now: State, p: number, next: Next): void {
  const process = now.process(p);
  if (!now.may('hesitations') || process.step !== Step.Settling) return;
  if (process.request.verb !== Verb.Put) return;
  const state = next();
  state.happens('hesitations');
  isAnswered(state, p, Answer.Refused);
}
