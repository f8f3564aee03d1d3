import type { LastRunView, RunView, ScheduleView } from '../../inspect/views.ts';
import { durationText, printable } from './text.ts';

/** When it is due, in one line. */
export function whenText({ everySeconds, cron, timeZone }: ScheduleView): string {
  if (everySeconds !== null) return `every ${durationText(everySeconds)}`;
  return cron === null ? '-' : `${printable(cron)} ${printable(timeZone ?? '')}`;
}

type Fields = readonly (readonly [name: string, text: string | undefined])[];

/** What of a schedule is told at first. */
export function planFields(view: ScheduleView): Fields {
  const { atMostSeconds, atLeastSeconds, catchUp, next, nextSeconds } = view;
  const limits = [
    atMostSeconds === null ? '' : `a run may take ${durationText(atMostSeconds)}`,
    atLeastSeconds === null || atLeastSeconds === 0
      ? ''
      : `the next begins ${durationText(atLeastSeconds)} later at the earliest`,
  ];
  const missed = catchUp === 'last' ? 'the last of them is run late' : 'left out';
  return [
    ['When', whenText(view)],
    ['Limits', limits.filter((limit) => limit !== '').join('; ') || undefined],
    ['Missed', catchUp === null ? undefined : missed],
    [
      'Next',
      next === null || nextSeconds === null
        ? undefined
        : `in ${durationText(nextSeconds)}, at ${momentText(next)}`,
    ],
  ];
}

export function runFields(run: RunView, sessionText: string): Fields {
  return [
    ['Runs', `for ${durationText(run.ranSeconds)}, since ${momentText(run.began)}`],
    ['  Tick', momentText(run.tick)],
    ['  Process', printable(run.process)],
    ['  Session', `${printable(run.session)}, ${sessionText}`],
    ['  Attempt', printable(run.attempt)],
    ['  Fence', run.fence],
  ];
}

export function lastFields(last: LastRunView | null): Fields {
  if (!last) return [['Last run', 'none yet']];
  const took = last.tookSeconds === null ? '' : `, after ${spanText(last.tookSeconds)}`;
  const message = last.message === null ? '' : `: ${printable(last.message)}`;
  return [
    ['Last run', `${last.outcome}${message}`],
    ['  Tick', momentText(last.tick)],
    ['  Began', `${durationText(last.beganAgoSeconds)} ago, at ${momentText(last.began)}`],
    [
      '  Ended',
      last.ended === null ? 'its process did not say' : `at ${momentText(last.ended)}${took}`,
    ],
    ['  Process', printable(last.process)],
  ];
}

/** Many runs take less than a second. */
function spanText(seconds: number): string {
  return seconds < 1 ? `${String(Math.round(seconds * 1_000))}ms` : durationText(seconds);
}

function momentText(moment: string): string {
  return moment.replace(/\.\d+Z$/, 'Z').replace('T', ' ');
}
