import { NAME_ANNOTATION, ROLE_LABEL, microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { LeaseName } from '../core/names.ts';
import {
  STATE_ANNOTATION,
  STATE_ROLE,
  newStateText,
  parseState,
  unreadableState,
  writtenState,
} from '../core/state.ts';
import type { Applied, StateRecord } from '../core/state.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { StateKind } from './kind.ts';

/** A state of one kind as its Lease says it. */
export interface Reading<State> {
  readonly record: StateRecord;
  readonly state: State;
}

/** @throws LeaseholdError `FOREIGN_LEASE`, `UNREADABLE_RECORD` */
export function readingOf<State>(
  kind: Pick<StateKind<State, never, unknown>, 'name' | 'read'>,
  lease: Lease,
): Reading<State> {
  const record = parseState(lease);
  const { name } = lease.metadata;
  if (record.kind !== kind.name) {
    throw new LeaseholdError(
      'FOREIGN_LEASE',
      `Lease ${name} is a ${record.kind} and no ${kind.name}: use another name`,
    );
  }
  const state = kind.read(record);
  if (state === undefined) throw unreadableState(name);
  return { record, state };
}

/**
 * A Lease of nothing yet. What it is made for is written into it afterwards: if a CREATE of unknown
 * outcome takes effect late, it brings nothing with it.
 */
export function newStateLease<State>(
  kind: Pick<StateKind<State, never, unknown>, 'name' | 'fields' | 'initial'>,
  { lease, original }: LeaseName,
  namespace: string,
  wall: number,
): Lease {
  return {
    metadata: {
      name: lease,
      namespace,
      labels: { [ROLE_LABEL]: STATE_ROLE },
      annotations: {
        [STATE_ANNOTATION]: newStateText(kind.name, kind.fields(kind.initial)),
        ...(lease === original ? {} : { [NAME_ANNOTATION]: original }),
      },
    },
    spec: { renewTime: microTime(wall) },
  };
}

/** The Lease after one more write: of the version that was read, so that it is a compare-and-swap. */
export function changedStateLease<State>(
  kind: Pick<StateKind<State, never, unknown>, 'fields' | 'entries'>,
  { record }: Reading<State>,
  next: State,
  writer: string,
  write: Omit<Applied, 'at'>,
  wall: number,
): Lease {
  const { lease } = record;
  const annotations = writtenState(record, kind.fields(next), kind.entries?.(next), writer, write);
  return {
    ...lease,
    metadata: { ...lease.metadata, annotations },
    spec: { ...lease.spec, renewTime: microTime(wall) },
  };
}
