import type { LastRun, RunEntry } from '../core/schedule.ts';
import { ticksOf } from '../core/ticks.ts';
import type { ScheduleFacts } from './facts.ts';
import type { EntryView, LastRunView, RunView, ScheduleView } from './views.ts';

/** What a snapshot knows beside the schedule's own Lease. */
interface Around {
  /** The server's clock: milliseconds since the epoch. */
  readonly at: number;
  /** What the session of the run says. */
  readonly entry: (facts: ScheduleFacts, run: RunEntry) => EntryView;
}

export function scheduleView(facts: ScheduleFacts, around: Around): ScheduleView {
  const { namespace, name, lease, plan, run, last, unreadable } = facts;
  const running = run ? runView(facts, run, around) : null;
  const next = nextTick(facts, around.at);
  return {
    kind: 'Schedule',
    namespace,
    name,
    lease,
    state: unreadable === undefined ? stateOf(running) : 'unreadable',
    unreadable: unreadable ?? null,
    everySeconds: plan?.every === undefined ? null : plan.every / 1_000,
    cron: plan?.cron ?? null,
    timeZone: plan?.cron === undefined ? null : (plan.timeZone ?? 'UTC'),
    atMostSeconds: plan ? plan.atMost / 1_000 : null,
    atLeastSeconds: plan ? plan.atLeast / 1_000 : null,
    catchUp: plan?.catchUp ?? null,
    run: running,
    last: last ? lastView(last, around.at) : null,
    next: next === undefined ? null : rfc3339(next),
    nextSeconds: next === undefined ? null : Math.ceil((next - around.at) / 1_000),
  };
}

function stateOf(run: RunView | null): ScheduleView['state'] {
  if (!run) return 'idle';
  if (run.void) return 'void';
  return run.sessionState === 'live' ? 'running' : run.sessionState;
}

function runView(facts: ScheduleFacts, run: RunEntry, { at, entry }: Around): RunView {
  const { attempt, session, sessionState, pod, void: isVoid } = entry(facts, run);
  return {
    tick: rfc3339(run.tick),
    began: rfc3339(run.began),
    ranSeconds: secondsSince(run.began, at),
    process: run.process,
    attempt,
    session,
    sessionState,
    pod,
    void: isVoid,
    fence: String(run.fence),
  };
}

function lastView(last: LastRun, at: number): LastRunView {
  const { tick, began, ended, process, session, outcome, message } = last;
  return {
    tick: rfc3339(tick),
    began: rfc3339(began),
    beganAgoSeconds: secondsSince(began, at),
    ended: ended === undefined ? null : rfc3339(ended),
    tookSeconds: ended === undefined ? null : Math.max(0, (ended - began) / 1_000),
    process,
    session,
    outcome,
    message: message ?? null,
  };
}

/** Of a plan that somebody has edited there may be none. */
function nextTick({ plan }: ScheduleFacts, at: number): number | undefined {
  if (!plan || (plan.every ?? 1) <= 0) return undefined;
  try {
    return ticksOf(plan).next(at);
  } catch {
    return undefined;
  }
}

/** Another machine's clock may be ahead. */
function secondsSince(moment: number, at: number): number {
  return Math.max(0, Math.floor((at - moment) / 1_000));
}

function rfc3339(moment: number): string {
  return new Date(moment).toISOString();
}
