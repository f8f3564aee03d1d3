import { withField } from './entry.ts';
import type { Entry } from './entry.ts';
import { HOLDER_PREFIX } from './record.ts';
import type { LockRecord } from './record.ts';
import { holderIdentityOf, settle } from './settle.ts';
import type { Settlement } from './settle.ts';

/**
 * The record in which a holder that was alone shares, together with those who waited to share next to
 * it: its entry is in the record all the time, so that nobody can write in between.
 *
 * @param isDead - as for {@link settle}
 */
export function downgrade(
  record: LockRecord,
  holder: Entry,
  isDead: (entry: Entry) => boolean,
): Extract<Settlement, { action: 'write' }> {
  const sharing = { ...holder, mode: 'shared', text: withField(holder.text, 'mode', 'shared') };
  const holders = record.holders.map((entry) => (entry === holder ? sharing : entry));
  const settlement = settle({ ...record, holders }, (entry) => entry !== sharing && isDead(entry));
  const annotations: Record<string, string | null> = { [HOLDER_PREFIX + holder.id]: sharing.text };
  if (settlement.action !== 'write') {
    const holderIdentity = holderIdentityOf(holders);
    return { action: 'write', annotations, holderIdentity, granted: [], dropped: [] };
  }
  return { ...settlement, annotations: { ...annotations, ...settlement.annotations } };
}
