import type { Outcome } from '../../../src/kube/outcome.ts';
import type { KubeRequest } from '../../../src/kube/transport.ts';
import type { WatchStream } from '../../../src/kube/watch-stream.ts';
import type { ApiHandler } from '../../../src/testing/api-server/handler.ts';
import type { ApiAnswer } from '../../../src/testing/api-server/request.ts';
import { DirectAnswers } from '../../../src/testing/virtual/direct-answers.ts';
import type { Host } from '../../../src/testing/virtual/host.ts';
import type { ApiServer } from './control-plane.ts';
import { Network } from './network.ts';
import type { SentRequest, Verb } from './network.ts';
import { VERBS } from './requests.ts';
import type { ProcessRequests } from './requests.ts';
import { WatchConnection } from './watch-connection.ts';
import type { OpenWatch } from './watch-connection.ts';
import type { World } from './world.ts';

const DEFAULT_DEADLINE_MS = 10_000;

/** What one process asks of the embedded API server, where there are Pods too, over a network that fails. */
export class ClusterRequests implements ProcessRequests {
  readonly watches = new Set<OpenWatch>();
  readonly network: Network;
  readonly #world: World;
  readonly #host: Host;
  readonly #process: string;
  readonly #answers: DirectAnswers;

  constructor(world: World, host: Host, process: string, handler: ApiHandler) {
    this.#world = world;
    this.#host = host;
    this.#process = process;
    const token = handler.tokens.ofUser(process, ['system:masters']);
    this.#answers = new DirectAnswers(handler, token);
    this.network = new Network(world, host);
  }

  request<T>(request: KubeRequest): Promise<Outcome<T>> {
    const { method, path, body, signal, deadline = DEFAULT_DEADLINE_MS } = request;
    const sent = this.#sent(VERBS[method], path, body);
    return this.network.send(sent, { deadline, signal }, () => this.#answers.request<T>(request));
  }

  openWatch(
    path: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>> {
    const sent = this.#sent('watch', path, undefined);
    return this.network.send<WatchStream>(sent, { deadline, signal }, (server) =>
      this.#answers.watch<WatchStream>(path, query, (answer) => this.#follow(answer, path, server)),
    );
  }

  close(): void {
    for (const watch of this.watches) watch.silence();
  }

  #follow(
    answer: Extract<ApiAnswer, { open: unknown }>,
    path: string,
    server: ApiServer,
  ): Outcome<WatchStream> {
    const parts = { world: this.#world, host: this.#host, server, open: this.watches };
    const connection = new WatchConnection(parts, path, () => []);
    const end = answer.open({
      write: (line) => connection.say(line.trimEnd()),
      end: () => connection.finish(),
    });
    connection.onClose(end);
    return { kind: 'done', body: connection.stream, serverTime: undefined };
  }

  #sent(verb: Verb, path: string, body: unknown): SentRequest {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const at = this.#world.time.now;
    return { at, process: this.#process, verb, name, body: body as object };
  }
}
