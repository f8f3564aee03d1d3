import type { Pool, PoolClient } from 'pg';
import { MIGRATIONS } from './migrations.ts';

/** Whether the database is as this version of the application needs it. */
export async function isMigrated(database: Pool): Promise<boolean> {
  const { rows: tables } = await database.query("select to_regclass('migration') is null as none");
  if ((tables as { none: boolean }[])[0]?.none ?? true) return false;
  const { rows } = await database.query<{ version: number }>('select version from migration');
  return (rows[0]?.version ?? 0) >= MIGRATIONS.length;
}

/** Goes on where the database is, step by step, each in a transaction of its own. */
export async function migrate(database: Pool, fence: bigint): Promise<void> {
  await database.query(
    `create table if not exists migration (only_row bool primary key, version int, fence bigint)`,
  );
  await database.query(`insert into migration values (true, 0, 0) on conflict do nothing`);
  const client = await database.connect();
  // When the database has ended its connection, the next query fails, and that is soon enough.
  client.on('error', () => undefined);
  try {
    while (await step(client, fence));
  } finally {
    // With it goes a transaction that has failed.
    client.release(true);
  }
}

/** @returns whether there is more to do */
async function step(client: PoolClient, fence: bigint): Promise<boolean> {
  await client.query('begin');
  // First of all, in each transaction: nobody who has held the lock before can change anything from here on,
  // and whoever holds it later waits here until this transaction is over.
  const { rows } = await client.query<{ version: number }>(
    'update migration set fence = $1 where fence <= $1 returning version',
    [fence],
  );
  const [at] = rows;
  if (!at) throw new Error('a later holder of the lock migrates');
  const migration = MIGRATIONS[at.version];
  if (migration) {
    console.log(`version ${String(at.version)}: ${migration.name}`);
    const isDone = await migration.run(client);
    if (isDone) await client.query('update migration set version = version + 1');
  }
  await client.query('commit');
  return migration !== undefined;
}
