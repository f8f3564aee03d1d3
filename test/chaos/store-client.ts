import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import type { ProcessStoreRequest, Store } from './store.ts';

export interface StoreSettings {
  readonly kind: Store['kind'];
  /** Of the proxy before it. */
  readonly port: number;
}

export type StoreWrite = Omit<ProcessStoreRequest, 'id'>;

/** One connection to the protected resource; a new one after it broke. */
export class StoreClient {
  readonly #settings: StoreSettings;
  #connection: Promise<Connection> | undefined;

  constructor(settings: StoreSettings) {
    this.#settings = settings;
  }

  /** Whether the resource has accepted the write; undefined when nobody knows. */
  async write(write: StoreWrite): Promise<boolean | undefined> {
    const connection = (this.#connection ??= this.#connect());
    try {
      return await (await connection).write(write);
    } catch {
      if (this.#connection === connection) this.#connection = undefined;
      await (await connection.catch(() => undefined))?.close();
      return undefined;
    }
  }

  async close(): Promise<void> {
    await (await this.#connection?.catch(() => undefined))?.close();
  }

  #connect(): Promise<Connection> {
    const { kind, port } = this.#settings;
    return kind === 'PostgreSQL' ? PostgresConnection.open(port) : LineConnection.open(port);
  }
}

interface Connection {
  write(write: StoreWrite): Promise<boolean>;
  close(): Promise<void>;
}

class PostgresConnection implements Connection {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async open(port: number): Promise<PostgresConnection> {
    const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
    // Queries under way are told of it, and there is nobody else to tell.
    client.on('error', () => undefined);
    await client.connect();
    // What the disk does is not what is tested.
    await client.query('set synchronous_commit = off');
    return new PostgresConnection(client);
  }

  async write({ lock, fence, process, number }: StoreWrite): Promise<boolean> {
    const { rows } = await this.#client.query<{ accepted: boolean }>(
      'select protected_write($1, $2, $3, $4) as accepted',
      [lock, fence, process, number],
    );
    return rows[0]?.accepted ?? false;
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

class LineConnection implements Connection {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, PromiseWithResolvers<boolean>>();
  #requests = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the connection broke'));
    });
    createInterface({ input: socket }).on('line', (text) => {
      const { id, accepted } = JSON.parse(text) as { id: number; accepted: boolean };
      this.#waiting.get(id)?.resolve(accepted);
      this.#waiting.delete(id);
    });
  }

  static open(port: number): Promise<LineConnection> {
    return Promise.resolve(new LineConnection(connect({ port, host: '127.0.0.1' })));
  }

  write(write: StoreWrite): Promise<boolean> {
    const id = (this.#requests += 1);
    const answer = Promise.withResolvers<boolean>();
    this.#waiting.set(id, answer);
    const request: ProcessStoreRequest = { id, ...write };
    this.#socket.write(`${JSON.stringify(request)}\n`);
    return answer.promise;
  }

  close(): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }
}
