import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SeededRandom } from '../test/chaos/random.ts';
import type { Care } from './care.ts';
import type { Cluster } from './cluster.ts';
import type { FromWorker } from './messages.ts';
import { WorkerProcess } from './worker-process.ts';
import type { Death } from './worker-process.ts';

/** How long a cluster takes to replace a Pod, about. */
const REPLACED_AFTER_MS = 1_000;
/** Until the Pod of a dead worker is collected: when nobody needs its session any more. */
const POD_COLLECTED_AFTER_MS = 15_000;
const FINISH_WITHIN_MS = 1_500;

/** Who is told what happens to the workers. */
export interface WorkersObserver {
  started(worker: WorkerProcess, replaced: string | undefined): void;
  received(worker: WorkerProcess, message: FromWorker): void;
  died(worker: WorkerProcess, death: Death): void;
}

/** A fixed number of workers, each with a Pod; whoever dies is replaced by another one. */
export class Workers implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #care: Care;
  readonly #ttlSeconds: number;
  readonly #random: SeededRandom;
  readonly #observer: WorkersObserver;
  readonly #places: (WorkerProcess | undefined)[];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>[] = [];
  #started = 0;

  constructor(
    parts: { cluster: Cluster; care: Care; observer: WorkersObserver },
    settings: { count: number; ttlSeconds: number; seed: number },
  ) {
    this.#cluster = parts.cluster;
    this.#care = parts.care;
    this.#observer = parts.observer;
    this.#ttlSeconds = settings.ttlSeconds;
    this.#random = new SeededRandom(settings.seed);
    this.#cluster.onPodDeletion((name, gone) => this.#endPod(name, gone));
    this.#places = Array.from({ length: settings.count }, () => undefined);
  }

  /** In the order of their places; that of a dead one goes to the worker that replaces it. */
  get all(): readonly WorkerProcess[] {
    return this.#places.filter((worker) => worker !== undefined);
  }

  /** What a kubelet does when a Pod is deleted. */
  #endPod(name: string, gone: boolean): void {
    const worker = this.find(name);
    if (gone) worker?.kill();
    else worker?.finish();
  }

  /** @param failed - called when the workers cannot go on */
  start(failed: (error: unknown) => void): void {
    const [first, ...others] = this.#places.keys();
    if (first === undefined) return;
    const loaded = Promise.withResolvers<undefined>();
    // The first one alone is there the sooner, and leaves its compiled code for the others.
    const onLoaded = (): void => loaded.resolve(undefined);
    const keepFirst = this.#keep(first, onLoaded).finally(onLoaded);
    this.#running.push(keepFirst.catch(failed));
    const keepOther = async (place: number): Promise<void> => {
      await loaded.promise;
      await this.#keep(place);
    };
    for (const place of others) this.#running.push(keepOther(place).catch(failed));
  }

  find(name: string): WorkerProcess | undefined {
    return this.all.find((worker) => worker.name === name);
  }

  /** Lets them end in order, and ends those that do not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    for (const worker of this.all) {
      if (worker.frozen) worker.kill();
      else worker.finish();
    }
    const ended = Promise.all(this.#running);
    const late = new AbortController();
    await Promise.race([
      ended,
      pause(FINISH_WITHIN_MS, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
    for (const worker of this.all) if (worker.running) worker.kill();
    await ended;
  }

  async #keep(place: number, onReady?: () => void): Promise<void> {
    const { signal } = this.#stopping;
    let replaced: string | undefined;
    while (!signal.aborted) {
      this.#started += 1;
      const name = `worker-${String(this.#started)}`;
      const kubeconfig = await this.#cluster.createPod(name);
      if (isAborted(signal)) return;
      const seed = Math.floor(this.#random.between(0, 1e9));
      const settings = { kubeconfig, seed, ttlSeconds: this.#ttlSeconds };
      const codeCache = join(this.#care.directory, 'code');
      const worker: WorkerProcess = new WorkerProcess(name, settings, codeCache, (message) =>
        this.#observer.received(worker, message),
      );
      this.#care.started(worker.pid);
      this.#places[place] = worker;
      this.#observer.started(worker, replaced);
      void worker.ready.then(onReady);
      const death = await worker.died;
      this.#care.ended(worker.pid);
      if (isAborted(signal)) return;
      if (death.code !== null && death.code !== 0) throw new WorkerFailure(name, death);
      this.#cluster.failPod(name);
      const collectedAfter = death.code === 0 ? 0 : POD_COLLECTED_AFTER_MS;
      setTimeout(() => this.#cluster.deletePod(name), collectedAfter).unref();
      this.#observer.died(worker, death);
      await pause(REPLACED_AFTER_MS, undefined, { signal }).catch(() => undefined);
      replaced = name;
    }
  }
}

/** A worker that ended without being killed. */
class WorkerFailure extends Error {
  constructor(name: string, { code, errors }: Death) {
    super(`${name} failed with exit code ${String(code)}:\n${errors}`);
  }
}

/** Asked anew after an await, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
