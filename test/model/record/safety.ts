import { compatible } from './settle.ts';
import { each, Life, Step } from './state.ts';
import type { Process, State } from './state.ts';

/** What must be true in every state. */
export function violation(state: State): string | undefined {
  return state.broken ?? tooManyHold(state) ?? currentIsVoid(state) ?? nobodyStandsFor(state);
}

/** Whether the process relies on holding the lock: by its step, and by its own clock. */
export function holds(state: State, process: Process): boolean {
  if (process.step !== Step.Holding) return false;
  return process.current.valid === 1 || !state.world.rules.endOfValidity;
}

/** Whether a stranger took the lock from the process: it may not know that yet. */
export function isStolen(state: State, p: number): boolean {
  return (state.stolen & state.world.entry(p, state.process(p).id)) !== 0;
}

function tooManyHold(state: State): string | undefined {
  const holding: number[] = [];
  state.processes.forEach((process, index) => {
    if (holds(state, process) && !isStolen(state, index)) holding.push(index);
  });
  return compatible(state.world, holding) ? undefined : 'holds that exclude each other';
}

/** Others treat a void attempt as dead: one that its owner relies on must never be listed. */
function currentIsVoid(state: State): string | undefined {
  const found = state.processes.some((process) => {
    if (!process.waiting && process.step !== Step.Holding) return false;
    const { life, valid, void: listed } = process.current;
    return life === Life.Live && valid === 1 && (listed & (1 << process.id)) !== 0;
  });
  return found ? 'a current attempt is listed as void' : undefined;
}

/** Unless somebody brought it back, no entry stays in the record that its living owner has left there. */
function nobodyStandsFor(state: State): string | undefined {
  const { events = {} } = state.world.configuration;
  if (events.restoredHolders || events.restoredWaiters) return undefined;
  let orphans = 0;
  each(state.holders | state.queue, (entry) => {
    const owner = state.process(state.world.ownerOf(entry));
    const session = state.sessionOf(entry);
    if (!owner.running || session !== owner.current || session.valid === 0) return;
    if (session.life !== Life.Live) return;
    const bit = 1 << state.world.idOf(entry);
    const isOver = bit !== 1 << owner.id || owner.step === Step.Idle;
    if (isOver && ((session.void | session.disowned) & bit) === 0) orphans |= entry;
  });
  return orphans !== 0 ? 'an entry stands in the record that nobody stands for' : undefined;
}
