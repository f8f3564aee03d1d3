import type { EntryView, LockView } from '../../inspect/views.ts';

/** Who holds a lock: the session of whoever does so alone, and else how many there are. */
export function holdersText({ mode, permits, holders, unreadableHolders }: LockView): string {
  if (permits) {
    const { held, limit, resized } = permits;
    return `${String(held)} of ${counted(limit, 'permit')}${resized ? ' (resized)' : ''}`;
  }
  const [first, ...others] = holders.map(({ session }) => session || '?');
  if (first === undefined) return unreadableHolders.length > 0 ? '?' : '-';
  if (isGroup({ holders })) return counted(holders.length, 'member');
  if (mode === 'shared') return counted(holders.length, 'reader');
  return others.length === 0 ? first : `${first} +${String(others.length)}`;
}

/** Whether those who hold it are the members of a group. */
export function isGroup({ holders }: Pick<LockView, 'holders'>): boolean {
  return holders.length > 0 && holders.every(({ metadata }) => metadata !== null);
}

/** How an entry holds, or wants to. */
export function modeText({ mode, permits }: EntryView): string {
  return permits === null ? mode : counted(permits, 'permit');
}

export function counted(number: number, what: string): string {
  return `${String(number)} ${what}${number === 1 ? '' : 's'}`;
}
