import { readFile } from 'node:fs/promises';
import { Client } from 'pg';
import { startPostgres } from '../../bench/peers/postgres.ts';
import type { Stage } from './stage.ts';

const TRIES = 400;
const BETWEEN_TRIES_MS = 50;

/** A PostgreSQL of the example's own, and a connection to look at it with. */
export interface Database {
  readonly url: string;
  readonly client: Client;
  /** Runs the statements of a file. */
  run(file: URL): Promise<void>;
}

/** @throws Error where PostgreSQL is not installed */
export async function startDatabase(stage: Stage): Promise<Database> {
  const { port } = stage.use(await startPostgres());
  const url = `postgres://postgres@127.0.0.1:${String(port)}/postgres`;
  const client = await connected(url);
  stage.use({ [Symbol.asyncDispose]: () => client.end() });
  return {
    url,
    client,
    run: async (file) => {
      await client.query(await readFile(file, 'utf8'));
    },
  };
}

/** A server that has just been started is not yet there. */
async function connected(url: string): Promise<Client> {
  for (let tries = 1; ; tries += 1) {
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES_MS));
    }
  }
}
