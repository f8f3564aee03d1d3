import type { PoolClient } from 'pg';

interface Migration {
  readonly name: string;
  /**
   * Runs in a transaction, and again in another one until it resolves with true: what takes long is done in
   * parts, so that what was done before a crash stays done.
   */
  run(client: PoolClient): Promise<boolean>;
}

const ROWS_AT_A_TIME = 200;

/** In order; the version of a database is how many of them it has had. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'customers',
    run: async (client) => {
      await client.query('create table customer (id int primary key, email text not null)');
      await client.query(
        `insert into customer select n, 'Customer' || n || '@example.com' from generate_series(1, 1000) n`,
      );
      return true;
    },
  },
  {
    name: 'a key to find them by',
    run: async (client) => {
      await client.query('alter table customer add email_key text, add times_filled int default 0');
      return true;
    },
  },
  {
    name: 'fill in the key',
    run: async (client) => {
      const { rowCount } = await client.query(
        `update customer set email_key = lower(email), times_filled = times_filled + 1
         where id in (select id from customer where email_key is null order by id limit $1)`,
        [ROWS_AT_A_TIME],
      );
      console.log(`filled in ${String(rowCount)} keys`);
      return rowCount === 0;
    },
  },
  {
    name: 'no customer without a key',
    run: async (client) => {
      await client.query('alter table customer alter email_key set not null');
      await client.query('create unique index on customer (email_key)');
      return true;
    },
  },
];
