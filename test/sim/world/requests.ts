import { LEASE_API_VERSION } from '../../../src/core/lease.ts';
import type { Lease } from '../../../src/core/lease.ts';
import type { LeasePatch } from '../../../src/kube/lease-api.ts';
import type { Outcome } from '../../../src/kube/outcome.ts';
import type { KubeRequest, Requests } from '../../../src/kube/transport.ts';
import type { WatchStream } from '../../../src/kube/watch-stream.ts';
import type { Host } from '../../../src/testing/virtual/host.ts';
import { Network } from './network.ts';
import type { SentRequest, Verb } from './network.ts';
import type { Conditions } from './store.ts';
import type { OpenWatch } from './watch-connection.ts';
import { openWatch } from './watch-server.ts';
import type { World } from './world.ts';

const DEFAULT_DEADLINE_MS = 10_000;
const COLLECTION = `/apis/${LEASE_API_VERSION}/namespaces/default/leases`;

/** The requests of one process, and how they can be disturbed. */
export interface ProcessRequests extends Requests {
  readonly watches: ReadonlySet<OpenWatch>;
  readonly network: Network;
}

export const VERBS: Record<KubeRequest['method'], Verb> = {
  GET: 'get',
  POST: 'create',
  PUT: 'replace',
  PATCH: 'patch',
  DELETE: 'remove',
};

/** What one process asks of the simulated API servers. */
export class SimulatedRequests implements ProcessRequests {
  readonly watches = new Set<OpenWatch>();
  readonly network: Network;
  readonly #world: World;
  readonly #host: Host;
  readonly #process: string;

  constructor(world: World, host: Host, process: string) {
    this.#world = world;
    this.#host = host;
    this.#process = process;
    this.network = new Network(world, host);
  }

  request<T>(request: KubeRequest): Promise<Outcome<T>> {
    const { deadline = DEFAULT_DEADLINE_MS, signal } = request;
    const sent = this.#sent(VERBS[request.method], nameOf(request), request.body as object);
    return this.network.send(sent, { deadline, signal }, () => {
      return this.#serve(sent, request) as Outcome<T>;
    });
  }

  openWatch(
    _path: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>> {
    const name = (query.fieldSelector ?? '').replace('metadata.name=', '');
    const sent = this.#sent('watch', name, undefined);
    return this.network.send(sent, { deadline, signal }, (server) =>
      openWatch(this.#world, this.#host, this.watches, { name, query, server }),
    );
  }

  close(): void {
    for (const watch of this.watches) watch.silence();
  }

  #sent(verb: Verb, name: string, body: SentRequest['body']): SentRequest {
    return { at: this.#world.time.now, process: this.#process, verb, name, body };
  }

  #serve({ verb, name, process }: SentRequest, { query = {}, body }: KubeRequest) {
    const { store, cacheLag } = this.#world;
    const writer = { manager: query.fieldManager ?? 'leasehold', process };
    switch (verb) {
      case 'create':
        return store.create(body as Lease, writer);
      case 'replace':
        return store.replace(body as Lease, writer);
      case 'patch':
        return store.patch(name, body as LeasePatch, writer);
      case 'remove':
        return store.remove(
          name,
          (body as { preconditions?: Conditions }).preconditions ?? {},
          writer,
        );
      default:
        return query.resourceVersion === '0' ? store.getCached(name, cacheLag) : store.get(name);
    }
  }
}

function nameOf({ method, path, body }: KubeRequest): string {
  if (!path.startsWith(COLLECTION)) throw new Error(`there is nothing but Leases here: ${path}`);
  if (method === 'POST') return (body as Lease).metadata.name;
  return path.slice(COLLECTION.length + 1);
}
