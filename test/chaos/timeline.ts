import type { Evidence, Violation } from './evidence.ts';
import type { Line } from './history.ts';
import { merged } from './merge.ts';
import type { RecordedProcess } from './merge.ts';

const AROUND_MS = 4_000;
const MOST_LINES = 80;

/** A violation, and everything that happened around it. */
export async function renderViolation(
  { rule, message, lock, at }: Violation,
  evidence: Evidence,
  slots: readonly (readonly RecordedProcess[])[],
): Promise<string> {
  if (lock === undefined || at === undefined) return `${rule}: ${message}`;
  return [`${rule}: ${message}`, ...(await timeline(evidence, slots, lock, at))].join('\n');
}

/** What was done and seen about a lock around a moment. */
export async function timeline(
  { faults }: Pick<Evidence, 'faults'>,
  slots: readonly (readonly RecordedProcess[])[],
  lock: string,
  at: number,
): Promise<string[]> {
  const found: { at: number; text: string }[] = [];
  const near = (moment: number): boolean => Math.abs(moment - at) < AROUND_MS;
  const calls = new Set<string>();
  for await (const { from, line } of merged(slots)) {
    if (!from) continue;
    if (line.at > at + AROUND_MS) break;
    const call = 'call' in line ? `${from.process} ${String(line.call)}` : undefined;
    if (line.type === 'wait' && line.lock === lock)
      calls.add(`${from.process} ${String(line.call)}`);
    if (!near(line.at) || line.type === 'still') continue;
    if (call === undefined ? isOfLock(line, lock) : calls.has(call)) {
      found.push({ at: line.at, text: `${from.process}  ${textOf(line)}` });
    }
  }
  for (const { kind, target, at: from, until, detail } of faults) {
    if (!near(from) && !near(until) && !(from < at && until > at)) continue;
    const text = `FAULT  ${kind} ${target} for ${(until - from).toFixed(0)} ms ${detail ?? ''}`;
    found.push({ at: from, text });
  }
  found.sort((a, b) => a.at - b.at);
  const middle = found.findIndex((line) => line.at >= at);
  const start = Math.max(0, middle - MOST_LINES / 2);
  return found
    .slice(start, start + MOST_LINES)
    .map((line) => `  ${(line.at - at).toFixed(1).padStart(9)}  ${line.text}`);
}

function isOfLock(line: Line, lock: string): boolean {
  if (line.type !== 'event') return true;
  const { lock: of, election } = line.event;
  if (typeof election === 'string') return lock === `election:${election}`;
  return of === undefined || of === lock;
}

function textOf(line: Line): string {
  if (line.type === 'event') return JSON.stringify(line.event);
  const { at: _, ...rest } = line;
  return JSON.stringify(rest);
}
