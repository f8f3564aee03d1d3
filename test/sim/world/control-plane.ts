import { wallOf } from '../../../src/testing/virtual/host.ts';
import type { VirtualTime } from '../../../src/testing/virtual/time.ts';

/** One API server: it may be away, and have a clock of its own. */
export class ApiServer {
  up = true;
  /** How far its wall clock is off. */
  skew = 0;
  /** How far its watch cache is behind etcd: milliseconds. */
  lag = 0;
  /** Grows with each restart: what came before has been lost. */
  life = 0;
  readonly #watches = new Set<() => void>();

  /** Calls `cut` when the server goes, unless the returned function is called first. */
  onEnd(cut: () => void): () => void {
    this.#watches.add(cut);
    return () => void this.#watches.delete(cut);
  }

  /** Requests on their way are lost, with their answers, and all watches break. */
  stop(): void {
    this.up = false;
    this.life += 1;
    for (const cut of [...this.#watches]) cut();
  }
}

/** The API servers of the cluster, on one etcd. */
export class ControlPlane {
  readonly servers: readonly ApiServer[] = [new ApiServer(), new ApiServer()];
  readonly #time: VirtualTime;
  #serving: ApiServer | undefined;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** The clock of the server that is at work. */
  wall(): number {
    return wallOf(this.#time) + (this.#serving?.skew ?? 0);
  }

  /** What this server does at once. */
  by<T>(server: ApiServer, serve: () => T): T {
    this.#serving = server;
    try {
      return serve();
    } finally {
      this.#serving = undefined;
    }
  }
}
