import { type AddressInfo, createServer, connect, type Server, type Socket } from 'node:net';
import { monotonic } from './history.ts';

/** What happens to the bytes of one direction. */
export interface Conditions {
  /** Milliseconds that each byte is late. */
  readonly latency: number;
  readonly bytesPerSecond: number;
  /** Bytes wait until the condition ends; then they go on as if nothing had been. */
  readonly blocked: boolean;
}

export const CLEAR: Conditions = {
  latency: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  blocked: false,
};

/**
 * The network between one worker and its servers: a TCP proxy whose faults can be set at any
 * time. TLS passes through it, so it can lose and delay bytes and never change them.
 *
 * Bytes on their way are delivered even when their sender has closed the connection meanwhile, as
 * in a real network: a request may take effect long after its sender has given it up.
 */
export class FaultProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #refusing = false;
  #up: Conditions = CLEAR;
  #down: Conditions = CLEAR;

  private constructor(server: Server, port: number, targets: readonly number[]) {
    this.#server = server;
    this.port = port;
    let connections = 0;
    server.on('connection', (client) => {
      if (this.#refusing) {
        client.resetAndDestroy();
        return;
      }
      const target = targets[connections % targets.length] ?? 0;
      connections += 1;
      const link = new Link(
        client,
        connect({ port: target, host: '127.0.0.1', allowHalfOpen: true }),
      );
      this.#links.add(link);
      link.onClosed = () => this.#links.delete(link);
      link.set(this.#up, this.#down);
    });
  }

  /** @param targets - ports; connections go to them in turns, as a load balancer would have it */
  static async start(targets: readonly number[]): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FaultProxy(server, (server.address() as AddressInfo).port, targets);
  }

  /** Sets what happens to requests (`up`) and to answers (`down`), of open connections too. */
  set(up: Conditions, down: Conditions): void {
    this.#up = up;
    this.#down = down;
    for (const link of this.#links) link.set(up, down);
  }

  /** Resets all connections. */
  reset(): void {
    for (const link of this.#links) link.reset();
  }

  /** Resets all connections and refuses new ones until healed. */
  cut(): void {
    this.#refusing = true;
    this.reset();
  }

  /** The connections that are open now stay so, and are silent for ever; new ones work. */
  strand(): void {
    for (const link of this.#links) link.strand();
  }

  /** A network without faults. Connections that were stranded are reset. */
  heal(): void {
    this.#refusing = false;
    this.set(CLEAR, CLEAR);
    for (const link of this.#links) if (link.stranded) link.reset();
  }

  close(): void {
    this.reset();
    this.#server.close();
  }
}

/** One connection. */
class Link {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #up: Direction;
  readonly #down: Direction;
  stranded = false;
  onClosed: () => void = () => undefined;

  constructor(client: Socket, upstream: Socket) {
    this.#client = client;
    this.#upstream = upstream;
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    this.#up = new Direction(client, upstream);
    this.#down = new Direction(upstream, client);
    const closed = (): void => {
      if (client.destroyed && upstream.destroyed) this.onClosed();
    };
    client.on('close', closed);
    upstream.on('close', closed);
  }

  set(up: Conditions, down: Conditions): void {
    if (this.stranded) return;
    this.#up.set(up);
    this.#down.set(down);
  }

  strand(): void {
    this.set({ ...CLEAR, blocked: true }, { ...CLEAR, blocked: true });
    this.stranded = true;
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#upstream.resetAndDestroy();
  }
}

/** The bytes from one socket to the other. */
class Direction {
  readonly #sink: Socket;
  readonly #queue: { readonly bytes: Buffer | undefined; readonly due: number }[] = [];
  #conditions: Conditions = CLEAR;
  #timer: NodeJS.Timeout | undefined;
  /** Until when the bandwidth is used up. */
  #busyUntil = 0;

  constructor(source: Socket, sink: Socket) {
    this.#sink = sink;
    source.on('data', (bytes) => this.#push(bytes));
    source.on('end', () => this.#push(undefined));
    source.on('error', () => this.#push(undefined));
    source.on('close', () => this.#push(undefined));
    // Nobody is there to whom the rest could be delivered.
    sink.on('close', () => {
      clearTimeout(this.#timer);
      this.#queue.length = 0;
    });
  }

  set(conditions: Conditions): void {
    this.#conditions = conditions;
    this.#flush();
  }

  #push(bytes: Buffer | undefined): void {
    if (this.#sink.destroyed) return;
    const { latency, bytesPerSecond } = this.#conditions;
    const now = monotonic();
    this.#busyUntil =
      Math.max(now, this.#busyUntil) + ((bytes?.length ?? 0) / bytesPerSecond) * 1e3;
    this.#queue.push({ bytes, due: this.#busyUntil + latency });
    this.#flush();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    if (this.#conditions.blocked) return;
    const isClear = this.#conditions === CLEAR;
    for (let head = this.#queue[0]; head; head = this.#queue[0]) {
      const wait = head.due - monotonic();
      if (wait > 0 && !isClear) {
        this.#timer = setTimeout(() => this.#flush(), wait);
        return;
      }
      this.#queue.shift();
      if (this.#sink.destroyed) continue;
      if (head.bytes) this.#sink.write(head.bytes);
      else this.#sink.end();
    }
  }
}
