import { performance } from 'node:perf_hooks';
import { SeededRandom } from '../test/chaos/random.ts';
import type { Board } from './board.ts';
import { boardOf } from './board-of.ts';
import { Care } from './care.ts';
import { Cluster } from './cluster.ts';
import type { DemoEvent, TimedEvent } from './events.ts';
import { History } from './history.ts';
import type { Figures, Interruption, Meaning } from './history.ts';
import type { FromWorker, Operation, ResourceName } from './messages.ts';
import { ProtectedResource } from './protected-resource.ts';
import { Story } from './story.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { Death } from './worker-process.ts';
import { Workers } from './workers.ts';

const WORKERS = 5;
/** The default of 15 s would take up the minute with waiting. */
export const TTL_SECONDS = 3;
/** What an act takes at most, about: none begins later than this before the end. */
const LAST_ACT_MS = 8_000;
const EVENTS_KEPT = 50;

export interface DemoOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Ends the demo before its time. */
  readonly signal: AbortSignal;
  /** Whether the caretaker gives back a terminal, should the demo be killed. */
  readonly terminal: boolean;
}

/** Where the demo is shown. */
export interface View {
  show(happened: TimedEvent, board: () => Board): void;
}

/** Runs the demo until its time is over or the signal aborts; when it returns, nothing of it is left. */
export async function runDemo(options: DemoOptions, view: View): Promise<Figures> {
  const { signal } = options;
  await using care = await Care.start(options.terminal);
  if (signal.aborted) return new History().figures();
  await using cluster = await Cluster.start(care.directory);
  const demo = new Demo(options, view, cluster, care);
  return await demo.run();
}

class Demo {
  readonly #options: DemoOptions;
  readonly #view: View;
  readonly #cluster: Cluster;
  readonly #history = new History();
  readonly #resources: Readonly<Record<ResourceName, ProtectedResource>> = {
    account: new ProtectedResource(),
    leader: new ProtectedResource(),
  };
  readonly #workers: Workers;
  readonly #story: Story;
  readonly #startedAt = performance.now();
  readonly #turns = new Map<string, number>();
  readonly #frozenAt = new Map<string, number>();
  readonly #dead = new Set<string>();
  /** Called when a worker may have been recovered from. */
  readonly #recoveries = new Set<() => void>();
  #events: TimedEvent[] = [];
  #ended = false;

  constructor(options: DemoOptions, view: View, cluster: Cluster, care: Care) {
    const { seed, seconds } = options;
    this.#options = options;
    this.#view = view;
    this.#cluster = cluster;
    const observer = {
      started: (worker: WorkerProcess, replaced: string | undefined) =>
        this.#tell({ type: 'started', worker: worker.name, pid: worker.pid, replaced }),
      received: (worker: WorkerProcess, message: FromWorker) => this.#receive(worker, message),
      died: (worker: WorkerProcess, death: Death) => this.#mourn(worker.name, death),
    };
    this.#workers = new Workers(
      { cluster, care, observer },
      { count: WORKERS, ttlSeconds: TTL_SECONDS, seed },
    );
    const gapMs = Math.min(4_000, seconds * 100);
    this.#story = new Story(
      {
        kill: (worker) => this.#workers.find(worker)?.kill(),
        freeze: (worker) => this.#freeze(worker),
        thaw: (worker) => this.#thaw(worker),
        leader: () => this.#cluster.leader('leader')?.leader,
        recovered: (worker) => this.#recovered(worker),
      },
      new SeededRandom(seed),
      gapMs,
    );
  }

  async run(): Promise<Figures> {
    const { signal, seconds } = this.#options;
    const time = AbortSignal.timeout(seconds * 1_000);
    const end = AbortSignal.any([signal, time]);
    const failed = Promise.withResolvers<never>();
    this.#tell({ type: 'server', url: this.#cluster.url, kubeconfig: this.#cluster.kubeconfig });
    await using workers = this.#workers;
    workers.start(failed.reject);
    const mayBegin = (): boolean => this.#elapsed < seconds * 1_000 - LAST_ACT_MS;
    const story = this.#story.tell(end, mayBegin).catch((error: unknown) => {
      if (!end.aborted) throw error;
    });
    const over = new Promise<void>((resolve) => {
      end.addEventListener('abort', () => resolve(), { once: true });
      if (end.aborted) resolve();
    });
    await Promise.race([Promise.all([over, story]), failed.promise]);
    // What happens while the workers finish is not part of it.
    this.#ended = true;
    return this.#history.figures();
  }

  #receive(worker: WorkerProcess, message: FromWorker): void {
    if (message.type === 'operation') this.#operate(worker, message);
    if (message.type === 'rest') this.#story.at({ type: 'rest', worker: worker.name });
  }

  #operate(worker: WorkerProcess, operation: Operation): void {
    const answer = this.#resources[operation.resource].apply(operation);
    if (!this.#ended) this.#note(worker.name, operation, answer.accepted);
    worker.answer(answer);
  }

  #note(worker: string, operation: Operation, accepted: boolean): void {
    const { resource, kind, fence, valid } = operation;
    const { queue } = this.#cluster.lock('account');
    const contended = queue.some((waiter) => waiter !== worker);
    const at = performance.now();
    const seen = { at, worker, resource, kind, fence, valid, accepted, contended };
    this.#explain(operation, worker, this.#history.record(seen), queue);
    if (!accepted) {
      const highest = this.#resources[resource].highestFence;
      this.#tell({ type: 'refused', worker, what: resource, fence, highest });
    }
    this.#story.at({ type: 'operation', worker, operation, accepted });
  }

  #explain(
    { resource, fence }: Operation,
    worker: string,
    { began, handover, recovered }: Meaning,
    queue: readonly string[],
  ): void {
    if (!began) return;
    for (const { worker: from, recoveredMs = 0 } of recovered) {
      const what = resource === 'account' ? 'lock' : 'leadership';
      this.#tell({ type: 'recovered', what, from, worker, ms: recoveredMs });
    }
    if (recovered.length > 0) this.#lookForRecoveries();
    if (resource === 'leader') {
      this.#tell({ type: 'leads', worker, fence });
    } else {
      this.#turns.set(worker, (this.#turns.get(worker) ?? 0) + 1);
      this.#tell({ type: 'holds', worker, fence, queue, handover });
    }
  }

  #mourn(worker: string, { at, code, signal }: Death): void {
    if (code === 0) {
      this.#tell({ type: 'ended', worker });
      return;
    }
    const roles = this.#interrupt(worker, 'killed', at);
    const held = roles.includes('account');
    const led = roles.includes('leader');
    this.#frozenAt.delete(worker);
    this.#dead.add(worker);
    this.#tell({ type: 'died', worker, signal: signal ?? '', held, led });
    this.#lookForRecoveries();
  }

  /** Resolves when the worker was stopped and others have what it had, if it had anything. */
  #recovered(worker: string): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        const isStopped = this.#dead.has(worker) || this.#frozenAt.has(worker);
        if (!isStopped || this.#history.isOpen(worker)) return;
        this.#recoveries.delete(look);
        resolve();
      };
      this.#recoveries.add(look);
      look();
    });
  }

  #lookForRecoveries(): void {
    for (const look of this.#recoveries) look();
  }

  /** Notes what a worker had when it was stopped, as the Leases say. */
  #interrupt(worker: string, how: Interruption['how'], at: number): ResourceName[] {
    const roles: ResourceName[] = [];
    if (this.#cluster.lock('account').holder === worker) roles.push('account');
    if (this.#cluster.leader('leader')?.leader === worker) roles.push('leader');
    for (const resource of roles) this.#history.interrupt({ how, worker, resource, at });
    return roles;
  }

  #freeze(name: string): void {
    this.#workers.find(name)?.freeze();
    this.#frozenAt.set(name, performance.now());
    this.#interrupt(name, 'frozen', performance.now());
    this.#tell({ type: 'frozen', worker: name });
  }

  #thaw(name: string): void {
    const frozenAt = this.#frozenAt.get(name);
    if (frozenAt === undefined) return;
    this.#frozenAt.delete(name);
    const ms = performance.now() - frozenAt;
    this.#tell({ type: 'thawed', worker: name, ms });
    this.#workers.find(name)?.thaw();
  }

  #tell(event: DemoEvent): void {
    if (this.#ended) return;
    const happened = { at: this.#elapsed, event };
    this.#events = [...this.#events, happened].slice(-EVENTS_KEPT);
    this.#view.show(happened, () => this.#board());
  }

  #board(): Board {
    return boardOf(
      {
        cluster: this.#cluster,
        workers: this.#workers,
        history: this.#history,
        account: this.#resources.account,
        turns: this.#turns,
      },
      {
        elapsed: this.#elapsed,
        total: this.#options.seconds * 1_000,
        ttlSeconds: TTL_SECONDS,
        events: this.#events,
      },
    );
  }

  get #elapsed(): number {
    return performance.now() - this.#startedAt;
  }
}
