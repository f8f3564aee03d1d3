import type { Leasehold } from './leasehold.ts';

type Client = Pick<Leasehold, 'close'>;

/**
 * Whoever ends a whole process group or cgroup (`tini -g`, systemd) tells the parent, too, which passes
 * it on: two signals so close to each other are one wish.
 */
const ONE_WISH_MS = 1_000;

const clients = new Set<Client>();
/** How many are releasing. */
let closing = 0;
/** When that began, on the clock of `performance`. */
let toldAt = 0;
/** Whether the application listened for the signal, too. */
let isHeardByOthers = false;

/**
 * Releases everything on SIGTERM, and then lets the signal end the process, as it would have without us:
 * after the last client of several, and not if the application listens for it, too, and so ends by
 * itself. Listens until then, as `signal-exit` ends a process in which nobody else does. Another SIGTERM,
 * a second later at the earliest, is the end at once.
 *
 * @returns stops listening
 */
export function releaseOnSigterm(leasehold: Client): () => void {
  // First, while those of the application that listen once are still there to be counted.
  if (isIdle()) process.prependListener('SIGTERM', onSigterm);
  clients.add(leasehold);
  return () => {
    clients.delete(leasehold);
    stopWhenIdle();
  };
}

function onSigterm(): void {
  const now = performance.now();
  if (closing > 0) {
    if (now - toldAt >= ONE_WISH_MS && !doOthersListen()) end();
    return;
  }
  toldAt = now;
  isHeardByOthers = doOthersListen();
  for (const client of clients) {
    closing += 1;
    void client.close().then(() => {
      closing -= 1;
      if (closing === 0) released();
    });
  }
}

function released(): void {
  stopWhenIdle();
  // Is heard by the clients that have come meanwhile.
  if (!isHeardByOthers) process.kill(process.pid, 'SIGTERM');
}

function isIdle(): boolean {
  return clients.size === 0 && closing === 0;
}

function stopWhenIdle(): void {
  if (isIdle()) process.off('SIGTERM', onSigterm);
}

function end(): void {
  process.off('SIGTERM', onSigterm);
  process.kill(process.pid, 'SIGTERM');
}

/** Whether somebody does who ends the process in a way of its own. */
function doOthersListen(): boolean {
  const others = process.listeners('SIGTERM').filter((listener) => listener !== onSigterm);
  return others.length > listenersOfSignalExit();
}

/**
 * `signal-exit`, which many packages bring along, wants to be told of the end and not to decide it:
 * it goes by how many listen beyond its own, which it counts in these, up to version 3 and from 4.
 */
function listenersOfSignalExit(): number {
  return [
    Reflect.get(process, '__signal_exit_emitter__') as unknown,
    Reflect.get(globalThis, Symbol.for('signal-exit emitter')) as unknown,
  ].reduce<number>((sum, emitter) => sum + countOf(emitter), 0);
}

function countOf(emitter: unknown): number {
  const { count } = (emitter ?? {}) as { count?: unknown };
  return typeof count === 'number' ? count : 0;
}
