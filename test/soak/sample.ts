import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';

/** What the process under test holds at a moment at which it has nothing to do. */
export interface Sample {
  /** Milliseconds since the start of the run. */
  readonly at: number;
  /** Done so far. */
  readonly operations: number;
  /** Done in each second of work since the sample before. */
  readonly rate: number;
  /** Bytes of the heap after a garbage collection. */
  readonly heap: number;
  /** Bytes outside of the heap that belong to objects in it: buffers. */
  readonly external: number;
  /** Bytes of the process. */
  readonly rss: number;
  /** Open file descriptors, idle sockets included; 0 where there is no /proc. */
  readonly descriptors: number;
  /** What keeps the process alive, less its timers. */
  readonly handles: number;
  readonly timers: number;
  /** On the process, and on the signal that all calls share. */
  readonly listeners: number;
}

export type Figure = Exclude<keyof Sample, 'at' | 'operations' | 'rate'>;

/** Needs `--expose-gc`. */
export async function takeSample(
  at: number,
  operations: number,
  rate: number,
  shared: AbortSignal,
): Promise<Sample> {
  // A second one frees what finalizers of the first have let go.
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const timers = resources.filter((name) => name === 'Timeout').length;
  return {
    at,
    operations,
    rate,
    heap: heapUsed,
    external,
    rss,
    descriptors: openDescriptors(),
    handles: resources.length - timers,
    timers,
    listeners:
      process
        .eventNames()
        .reduce((count, name) => count + process.listenerCount(name as string), 0) +
      getEventListeners(shared, 'abort').length,
  };
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
