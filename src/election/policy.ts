import { milliseconds } from '../core/duration.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { ElectionOptions, ElectionTimes } from './options.ts';

/** When a candidate stands, and before whom: milliseconds. */
export interface ElectionPolicy {
  readonly priority: number | undefined;
  readonly preemptAfter: number;
  readonly standFor: number;
  readonly health: ElectionOptions['health'] | undefined;
  readonly healthTimeout: number;
}

const MOST_PRIORITY = 1_000_000;
const MOST_VALUE_BYTES = 1_024;

/** @throws LeaseholdError `INVALID_ARGUMENT` */
export function electionPolicy(options: ElectionOptions, times: ElectionTimes): ElectionPolicy {
  const { priority, preemptAfter, standFor, health, healthTimeout } = options;
  if (
    priority !== undefined &&
    (!Number.isInteger(priority) || Math.abs(priority) > MOST_PRIORITY)
  ) {
    throw invalid(
      `priority is ${String(priority)}: give a whole number from -1,000,000 to 1,000,000`,
    );
  }
  if (preemptAfter !== undefined && priority === undefined) {
    throw invalid('preemptAfter needs a priority: only for a higher one a leader is asked to go');
  }
  if (health !== undefined && typeof health !== 'function') {
    throw invalid('health must be a function that returns whether this process may lead');
  }
  if (healthTimeout !== undefined && health === undefined) {
    throw invalid('healthTimeout is for health, which was not given');
  }
  const timeout = milliseconds(healthTimeout ?? '1s', 'healthTimeout');
  if (timeout < 1) throw invalid('healthTimeout is 0: every answer would come too late');
  return {
    // A negative zero would be another one in the Lease.
    priority: priority === undefined ? undefined : priority + 0,
    preemptAfter: milliseconds(preemptAfter ?? times.leaseDuration, 'preemptAfter'),
    standFor: milliseconds(standFor ?? 0, 'standFor'),
    health,
    healthTimeout: timeout,
  };
}

/** @throws LeaseholdError `INVALID_ARGUMENT` */
export function checkValue(value: string | undefined): void {
  if (value === undefined) return;
  const isText = typeof value === 'string' && value.isWellFormed();
  if (isText && Buffer.byteLength(value) <= MOST_VALUE_BYTES) return;
  throw invalid(
    `a value is text of at most ${String(MOST_VALUE_BYTES)} bytes${isText ? `: this one has ${String(Buffer.byteLength(value))}; publish where to find the rest` : ''}`,
  );
}

function invalid(message: string): LeaseholdError {
  return new LeaseholdError('INVALID_ARGUMENT', message);
}
