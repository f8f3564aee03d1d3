import { LeaseholdError } from '../core/errors.ts';
import type { Entry } from '../core/entry.ts';
import { isMetadata, metadataOf } from '../core/member-metadata.ts';
import type { MemberMetadata } from '../core/member-metadata.ts';
import type { LockRecord } from '../core/record.ts';

/** A living member of a group. */
export interface Member {
  /** Its own, and of no other before or after it: whoever joins again is another member. */
  readonly id: string;
  readonly metadata: MemberMetadata;
  /** Of which session it is: the name of a Lease that names its Pod or host. */
  readonly session: string;
  /**
   * Grows from those who joined to those who joined later; the same for those who were let in by one write.
   * With the id this is an order of arrival.
   */
  readonly arrival: bigint;
  /** Since when, by the clock of whoever let it in; for people. */
  readonly since: Date | undefined;
}

/** An entry has to stay small, as each change of a group goes to all that follow it. */
const MOST_METADATA_CHARACTERS = 256;

/**
 * The metadata as a field of an entry: JSON without a space, as fields are parted by spaces.
 *
 * @throws LeaseholdError `INVALID_ARGUMENT`
 */
export function formatMetadata(metadata: MemberMetadata): string {
  if (!isMetadata(metadata)) {
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      'the metadata of a member is an object whose values are strings, finite numbers or booleans',
    );
  }
  const text = JSON.stringify(metadata).replaceAll(' ', '\\u0020');
  if (text.length > MOST_METADATA_CHARACTERS) {
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `the metadata of a member has at most ${String(MOST_METADATA_CHARACTERS)} characters as JSON, of which a space counts as 6: it has ${String(text.length)}; let the members be asked for the rest`,
    );
  }
  return text;
}

/** The members in the order of their ids; readers of a lock of that name are none. */
export function membersOf(record: LockRecord, isDead: (entry: Entry) => boolean): Member[] {
  const members: Member[] = [];
  for (const entry of record.holders) {
    const metadata = metadataOf(entry);
    if (!metadata || isDead(entry)) continue;
    const { id, session } = entry;
    // Who made the record is told its token only when somebody else writes: this version.
    const arrival = entry.fence ?? record.version;
    const since = entry.since === undefined ? undefined : new Date(entry.since);
    members.push({ id, metadata, session, arrival, since });
  }
  return members;
}
