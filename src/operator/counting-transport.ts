import type { Cluster } from '../client/cluster.ts';
import type { Outcome } from '../kube/outcome.ts';
import { Transport } from '../kube/transport.ts';
import type { KubeRequest } from '../kube/transport.ts';
import type { WatchStream } from '../kube/watch-stream.ts';

/** Told of every request: the verb as RBAC has it, and the status of HTTP; `none` when no answer came. */
export type RequestCounter = (verb: string, code: string) => void;

const VERBS = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const;

/** Counts every request of an operator: those of its election, too. */
export class CountingTransport extends Transport {
  readonly #count: RequestCounter;

  constructor({ access, clock }: Pick<Cluster, 'access' | 'clock'>, count: RequestCounter) {
    super(access, clock);
    this.#count = count;
  }

  override async request<T>(request: KubeRequest): Promise<Outcome<T>> {
    const outcome = await super.request<T>(request);
    this.#count(verbOf(request), codeOf(outcome));
    return outcome;
  }

  override async openWatch(
    path: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>> {
    const outcome = await super.openWatch(path, query, deadline, signal);
    this.#count('watch', codeOf(outcome));
    return outcome;
  }
}

function verbOf({ method, query }: KubeRequest): string {
  if (method !== 'GET') return VERBS[method];
  return query?.limit === undefined ? 'get' : 'list';
}

function codeOf({ status }: Outcome<unknown>): string {
  return status === undefined ? 'none' : String(status);
}
