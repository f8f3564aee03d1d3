import type { Outcome } from '../../kube/outcome.ts';
import type { KubeRequest, Requests } from '../../kube/transport.ts';
import type { WatchStream } from '../../kube/watch-stream.ts';
import type { ApiHandler } from '../api-server/handler.ts';
import type { WatchAnswer } from '../api-server/request.ts';
import { DirectAnswers } from './direct-answers.ts';
import type { Host } from './host.ts';
import { VirtualStream } from './stream.ts';

const DEFAULT_DEADLINE_MS = 10_000;

/**
 * The requests of one simulated process to an API server in the same real one. An answer takes no
 * time; what a cut network swallows is answered by its deadline only.
 */
export class DirectRequests implements Requests {
  readonly #answers: DirectAnswers;
  readonly #host: Host;
  readonly #watches = new Set<VirtualStream>();

  constructor(handler: ApiHandler, host: Host, token: string) {
    this.#answers = new DirectAnswers(handler, token);
    this.#host = host;
  }

  request<T>(request: KubeRequest): Promise<Outcome<T>> {
    const { deadline = DEFAULT_DEADLINE_MS, signal, query } = request;
    const limited = { ...request, query: { ...query, timeout: `${String(deadline)}ms` } };
    return this.#exchange(deadline, signal, () => this.#answers.request<T>(limited));
  }

  openWatch(
    path: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>> {
    return this.#exchange(deadline, signal, () =>
      this.#answers.watch<WatchStream>(path, query, (answer) => {
        return { kind: 'done', body: this.#follow(answer), status: 200, serverTime: undefined };
      }),
    );
  }

  /** All connections break. */
  breakWatches(): void {
    for (const watch of this.#watches) {
      this.#host.run(() => {
        watch.destroy(new Error('the connection was reset'));
      });
    }
  }

  /** Nobody listens any more. */
  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  #exchange<T>(
    deadline: number,
    signal: AbortSignal | undefined,
    send: () => Outcome<T>,
  ): Promise<Outcome<T>> {
    const host = this.#host;
    return new Promise((resolve) => {
      const settle = (outcome: Outcome<T>): void => {
        cancelDeadline();
        signal?.removeEventListener('abort', abort);
        resolve(outcome);
      };
      const abort = (): void => {
        settle(unknown('aborted'));
      };
      const cancelDeadline = host.schedule(deadline, () => {
        settle(unknown('no answer before the deadline'));
      });
      signal?.addEventListener('abort', abort, { once: true });
      host.run(() => {
        if (signal?.aborted) abort();
        else if (!host.cut) settle(send());
      });
    });
  }

  #follow(answer: WatchAnswer): WatchStream {
    const stream = new VirtualStream(() => {
      this.#watches.delete(stream);
      end();
    });
    // Never from within the request that causes the event, as it would not be over a network.
    const deliver = (task: () => void): void => {
      queueMicrotask(() => {
        if (!this.#host.cut) this.#host.run(task);
      });
    };
    this.#watches.add(stream);
    const end = answer.open({
      write: (line) => {
        deliver(() => {
          stream.push(line);
        });
      },
      end: () => {
        deliver(() => {
          stream.finish();
        });
      },
    });
    return stream;
  }
}

function unknown(message: string): Outcome<never> {
  return { kind: 'unknown', sent: true, error: new Error(message), retryAfter: undefined };
}
