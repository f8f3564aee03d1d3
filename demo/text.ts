import type { DemoEvent } from './events.ts';

/** `0:07`. */
export function clockText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${String(Math.floor(seconds / 60))}:${String(seconds % 60).padStart(2, '0')}`;
}

/** `0:07.3`. */
export function momentText(ms: number): string {
  const tenths = Math.floor((ms % 1_000) / 100);
  return `${clockText(ms)}.${String(tenths)}`;
}

/** To the millisecond, or above a second to a tenth of one. */
export function durationText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** `2 crashes`, `1 crash`. */
export function counted(count: number, one: string, many: string): string {
  return `${String(count)} ${count === 1 ? one : many}`;
}

export function eventText(event: DemoEvent): string {
  switch (event.type) {
    case 'server':
      return `API server at ${event.url}; 5 workers start`;
    case 'started':
      return `${event.worker} starts, pid ${String(event.pid)}${event.replaced === undefined ? '' : `, for ${event.replaced}`}`;
    case 'holds':
      return `${event.worker} holds the lock${handoverText(event.handover)}, fence ${String(event.fence)}; ${queueText(event.queue)}`;
    case 'leads':
      return `${event.worker} leads, fence ${String(event.fence)}`;
    case 'died':
      return `${event.worker} is killed (${event.signal})${rolesText(event)}`;
    case 'ended':
      return `${event.worker} ends in order, as its Pod was deleted`;
    case 'frozen':
      return `${event.worker} is frozen (SIGSTOP) while it holds the lock, about to write`;
    case 'thawed':
      return `${event.worker} goes on (SIGCONT) after ${durationText(event.ms)}, and writes`;
    case 'recovered':
      return `RECOVERED in ${durationText(event.ms)}: the ${event.what} of ${event.from} goes to ${event.worker}`;
    case 'refused':
      return `REFUSED: the write of ${event.worker}, its fence ${String(event.fence)} is below ${String(event.highest)}`;
  }
}

function handoverText(handover: { from: string; ms: number } | undefined): string {
  if (!handover) return '';
  return ` ${durationText(handover.ms)} after ${handover.from}`;
}

function queueText(queue: readonly string[]): string {
  return queue.length === 0 ? 'nobody waits' : `next ${queue.join(' ')}`;
}

function rolesText({ held, led }: { held: boolean; led: boolean }): string {
  if (held && led) return ' while it holds the lock and leads';
  if (held) return ' while it holds the lock';
  return led ? ' while it leads' : '';
}
