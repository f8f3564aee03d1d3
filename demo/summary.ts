import { median } from '../bench/statistics.ts';
import type { Figures, Interruption } from './history.ts';
import { counted, durationText } from './text.ts';

/** Whether the demo has shown what it claims: nothing ever overlapped. */
export function isSound({ overlaps }: Figures): boolean {
  return overlaps === 0;
}

/** What the demo came to, as lines. */
export function summaryLines(figures: Figures): string[] {
  const { handoversMs, interruptions, staleRefused, overlaps, operations } = figures;
  const crashes = interruptions.filter(({ how }) => how === 'killed');
  const freezes = interruptions.filter(({ how }) => how === 'frozen');
  const handovers = counted(handoversMs.length, 'handover', 'handovers');
  const rows: [string, string][] = [
    [
      handovers,
      handoversMs.length === 0
        ? ''
        : `median ${durationText(median(handoversMs))}, from one holder's last write to the next one's start`,
    ],
    [
      counted(new Set(crashes.map(({ worker }) => worker)).size, 'crash', 'crashes'),
      recoveryText(crashes),
    ],
    [counted(freezes.length, 'freeze', 'freezes'), recoveryText(freezes)],
    [`${String(staleRefused)} refused`, 'late writes of former holders, by their fencing tokens'],
    [
      `${String(overlaps)} overlaps`,
      `of holders, in ${counted(operations, 'operation', 'operations')} that the protected resources saw`,
    ],
  ];
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd());
}

function recoveryText(interruptions: readonly Interruption[]): string {
  if (interruptions.length === 0) return '';
  const parts: string[] = [];
  for (const [resource, what] of [
    ['account', 'lock'],
    ['leader', 'leadership'],
  ] as const) {
    const times = interruptions
      .filter((one) => one.resource === resource && one.recoveredMs !== undefined)
      .map(({ recoveredMs = 0 }) => durationText(recoveredMs));
    if (times.length > 0) parts.push(`${what} taken over after ${times.join(', ')}`);
  }
  const open = interruptions.filter(({ recoveredMs }) => recoveredMs === undefined).length;
  if (open > 0) parts.push(`${String(open)} of them not yet recovered at the end`);
  return parts.join('; ');
}
