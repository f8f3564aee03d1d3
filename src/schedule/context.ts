import type { LeaseName } from '../core/names.ts';
import type { Parts } from '../core/parts.ts';
import type { Plan } from '../core/schedule.ts';
import type { Ticks } from '../core/ticks.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import type { Deaths } from '../session/deaths.ts';
import type { Sessions } from '../session/sessions.ts';
import type { JobClock } from './job-clock.ts';
import type { RunSighting } from './run-sighting.ts';

/** What the schedules of one namespace share. */
export interface ScheduleContext {
  readonly api: LeaseApi;
  readonly parts: Parts;
  readonly sessions: Sessions;
  readonly deaths: Deaths;
  /** Under which this process appears to people. */
  readonly identity: string;
}

/** One schedule as this process sees it. */
export interface ScheduleTarget {
  readonly context: ScheduleContext;
  readonly name: LeaseName;
  readonly plan: Plan;
  readonly ticks: Ticks;
  readonly clock: JobClock;
  readonly sighting: RunSighting;
}
