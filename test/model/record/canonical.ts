import { namesNoVersion } from './requests.ts';
import { at, Life, Step, Uid, Verb } from './state.ts';
import type { Request, State } from './state.ts';

/** Makes states alike that differ only in what nobody can act on any more, or in the numbers of versions. */

/** Forgets what can make no difference any more. */
export function forget(state: State): void {
  const { rules, configuration } = state.world;
  const keepsContent = !rules.version || !rules.uid || !rules.supervisorVersion;
  if (state.exists === 0) state.version = state.holders = state.queue = 0;
  for (const process of state.processes) {
    const { request, late } = process;
    for (const one of late) {
      if (isDoomed(state, one)) one.clear();
    }
    if (compare(late[0], late[1]) < 0) exchange(late[0], late[1]);
    if (isDoomed(state, request)) {
      // Only that it will be refused.
      request.version = request.holders = request.queue = 0;
      request.uid = Uid.Replaced;
    }
  }
  if (configuration.events?.restoredHolders || configuration.events?.restoredWaiters) return;
  let relevant = state.holders | state.queue;
  state.processes.forEach((process, p) => {
    const { request, late } = process;
    const mayAdd = (one: Request): number => {
      const adds = one.verb === Verb.Create || one.verb === Verb.Join;
      return (
        (adds ? state.world.entry(p, one.id) : 0) | (keepsContent ? one.holders | one.queue : 0)
      );
    };
    relevant |= mayAdd(request) | mayAdd(late[0]) | mayAdd(late[1]);
    if (process.running && process.step !== Step.Idle) relevant |= state.world.entry(p, process.id);
  });
  for (let p = 0; p < state.processes.length; p += 1) forgetOld(state, p, relevant);
}

/** What is left of attempts and sessions that nothing names any more, or ever will. */
function forgetOld(state: State, p: number, relevant: number): void {
  const process = state.process(p);
  const { attempts, sessions } = process;
  for (let id = 0; id < attempts.length; id += 1) {
    const entry = state.world.entry(p, id);
    const attempt = at(attempts, id);
    if ((state.holders & entry) === 0) attempt.fence = 0;
    if ((relevant & entry) !== 0) continue;
    attempt.seen = 0;
    const session = sessions[attempt.session - 1];
    if (!session) continue;
    session.void &= ~(1 << id);
    session.disowned &= ~(1 << id);
  }
  for (let index = 0; index < sessions.length; index += 1) {
    const session = at(sessions, index);
    const isCurrent = process.running && index === process.session;
    if (isCurrent || session.life === Life.None) continue;
    const named = attempts.some(
      (attempt, id) => attempt.session === index + 1 && (relevant & state.world.entry(p, id)) !== 0,
    );
    if (named) continue;
    session.life = Life.Blank;
    session.valid = session.void = session.disowned = session.challenge = 0;
  }
}

/** Whether nothing can come of the request: what it names is no more. */
function isDoomed(state: State, request: Request): boolean {
  const { rules } = state.world;
  switch (request.verb) {
    case Verb.None:
    case Verb.Create:
      return false;
    case Verb.Put:
      if (!rules.uid) return false;
      break;
    case Verb.Delete:
    case Verb.Join:
    case Verb.Leave:
    case Verb.PatchOut:
  }
  if (request.uid !== Uid.Current) return true;
  const isSettlement = request.verb === Verb.Put || request.verb === Verb.Delete;
  if (!isSettlement || namesNoVersion(state, request)) return false;
  return request.version !== state.version;
}

function compare(a: Request, b: Request): number {
  return a.verb - b.verb || a.id - b.id || a.version - b.version || a.holders - b.holders;
}

function exchange(a: Request, b: Request): void {
  const { verb, id, version, uid, holders, queue } = a;
  a.copy(b);
  Object.assign(b, { verb, id, version, uid, holders, queue });
}

const ranks = new Uint8Array(256);

/** Numbers the versions that matter afresh, from 1, in their order. */
export function renumber(state: State): void {
  ranks.fill(0);
  visitVersions(state, (version) => {
    ranks[version] = 1;
    return version;
  });
  let rank = 0;
  for (let version = 1; version < 256; version += 1) {
    if (ranks[version] === 0) continue;
    rank += 1;
    ranks[version] = rank;
  }
  ranks[0] = 0;
  visitVersions(state, (version) => ranks[version] ?? 0);
}

function visitVersions(state: State, visit: (version: number) => number): void {
  state.version = visit(state.version);
  if (state.world.rules.fenceRecreation) {
    state.exclusiveFence = visit(state.exclusiveFence);
    state.anyFence = visit(state.anyFence);
  }
  for (const process of state.processes) {
    const { request, late } = process;
    if (state.world.rules.fenceRecreation) process.fence = visit(process.fence);
    request.version = visit(request.version);
    late[0].version = visit(late[0].version);
    late[1].version = visit(late[1].version);
    for (const attempt of process.attempts) {
      attempt.seen = visit(attempt.seen);
      attempt.fence = visit(attempt.fence);
    }
  }
}
