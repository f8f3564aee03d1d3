import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { startPostgres } from '../../bench/peers/postgres.ts';
import { HistoryWriter, monotonic } from './history.ts';
import type { StoreRow } from './history.ts';

/** What a lock has accepted in the end. */
export interface Stored {
  readonly lock: string;
  readonly fence: string;
  readonly version: number;
}

/** A resource that the locks protect: it refuses who comes with a lower fence than it has seen. */
export interface Store extends AsyncDisposable {
  readonly kind: 'PostgreSQL' | 'in this process';
  readonly port: number;
  /** Writes all that it has logged into the file, in the order in which it has taken it. */
  exportLog(path: string): Promise<Stored[]>;
}

/** PostgreSQL; where that is not installed, and only outside of CI, one in this process. */
export async function startStore(): Promise<Store> {
  if (existsSync('/usr/lib/postgresql')) return PostgresStore.start();
  if (process.env.CI) throw new Error('no PostgreSQL to protect: apt-get install postgresql');
  process.stderr.write(
    'NO POSTGRESQL: what checks the fences is in this process instead (apt-get install postgresql)\n',
  );
  return ProcessStore.start();
}

/**
 * The conditional write is the README's. It locks the row also when it refuses, so that the log is in
 * the order in which the writes of one lock were decided.
 */
const SCHEMA = `
create table resource (lock text primary key, fence bigint not null, version int not null);
create table log (
  id bigserial primary key,
  at timestamptz not null default clock_timestamp(),
  lock text not null,
  fence bigint not null,
  process text not null,
  number int not null,
  version int
);
create function protected_write(a_lock text, a_fence bigint, a_process text, a_number int)
returns boolean language plpgsql as $$
declare
  accepted int;
begin
  insert into resource as r (lock, fence, version) values (a_lock, a_fence, 1)
    on conflict (lock) do update set fence = excluded.fence, version = r.version + 1
    where r.fence <= excluded.fence
    returning r.version into accepted;
  insert into log (lock, fence, process, number, version)
    values (a_lock, a_fence, a_process, a_number, accepted);
  return accepted is not null;
end $$;
`;
const PAGE = 5_000;

interface LogRow {
  readonly id: string;
  readonly at: number;
  readonly lock: string;
  readonly fence: string;
  readonly process: string;
  readonly number: number;
  readonly version: number | null;
}

class PostgresStore implements Store {
  readonly kind = 'PostgreSQL';
  readonly port: number;
  readonly #server: AsyncDisposable;
  readonly #client: Client;

  private constructor(server: AsyncDisposable, port: number, client: Client) {
    this.#server = server;
    this.port = port;
    this.#client = client;
  }

  static async start(): Promise<PostgresStore> {
    const server = await startPostgres();
    const client = await connected(server.port);
    await client.query(SCHEMA);
    return new PostgresStore(server, server.port, client);
  }

  async exportLog(path: string): Promise<Stored[]> {
    const history = new HistoryWriter(path);
    const ahead = Date.now() - monotonic();
    for (let last = '0'; ;) {
      const { rows } = await this.#client.query<LogRow>(
        `select id, extract(epoch from at)::float8 * 1000 as at, lock, fence, process, number, version
         from log where id > $1 order by id limit ${String(PAGE)}`,
        [last],
      );
      for (const { id, at, version, ...row } of rows) {
        history.write({
          type: 'row',
          at: at - ahead,
          ...row,
          ...(version === null ? {} : { version }),
        });
        last = id;
      }
      if (rows.length < PAGE) break;
    }
    history.close();
    return (await this.#client.query<Stored>('select lock, fence, version from resource')).rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
    await this.#server[Symbol.asyncDispose]();
  }
}

/** Until it can be reached: a server that has just been started is not yet there. */
async function connected(port: number): Promise<Client> {
  for (let tries = 1; ; tries += 1) {
    const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** One line of JSON for each write, and one for each answer. */
export interface ProcessStoreRequest {
  readonly id: number;
  readonly lock: string;
  readonly fence: string;
  readonly process: string;
  readonly number: number;
}

/** What a developer has who has no PostgreSQL. */
class ProcessStore implements Store {
  readonly kind = 'in this process';
  readonly port: number;
  readonly #log: StoreRow[] = [];
  readonly #stored = new Map<string, Stored>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      createInterface({ input: socket }).on('line', (text) => {
        const request = JSON.parse(text) as ProcessStoreRequest;
        socket.write(`${JSON.stringify({ id: request.id, accepted: this.#write(request) })}\n`);
      });
    });
  }

  static async start(): Promise<ProcessStore> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ProcessStore(server);
  }

  exportLog(path: string): Promise<Stored[]> {
    const history = new HistoryWriter(path);
    for (const row of this.#log) history.write(row);
    history.close();
    return Promise.resolve([...this.#stored.values()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    return Promise.resolve();
  }

  #write({ id: _, lock, fence, ...rest }: ProcessStoreRequest): boolean {
    const last = this.#stored.get(lock);
    const accepts = last === undefined || BigInt(last.fence) <= BigInt(fence);
    const version = accepts ? (last?.version ?? 0) + 1 : undefined;
    this.#log.push({ type: 'row', at: monotonic(), lock, fence, ...rest, version });
    if (version !== undefined) this.#stored.set(lock, { lock, fence, version });
    return accepts;
  }
}
