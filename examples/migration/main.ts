/**
 * One replica of an application whose database has to be migrated before it serves: the first of them does that,
 * the others wait, and if it dies in the middle one of them goes on.
 */
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { connect } from 'leasehold';
import { Pool } from 'pg';
import { isMigrated, migrate } from './migrate.ts';

const database = new Pool({
  connectionString: process.env.DATABASE_URL,
  // A replica that is frozen in a transaction is in nobody's way for longer.
  idle_in_transaction_session_timeout: 10_000,
});
// A connection that the server has ended: whoever uses it is told, too.
database.on('error', (error) => console.error(error.message));

// A restart of an application that is up to date asks nobody for a lock.
if (!(await isMigrated(database))) {
  const leasehold = await connect({
    ttl: process.env.TTL ?? '15s',
    identity: process.env.NAME ?? hostname(),
    releaseOnSigterm: true,
  });
  console.log('waits for its turn');
  await leasehold.lock('migration').run(({ fence }) => migrate(database, fence));
  await leasehold.close();
}

const server = createServer((_, response) => response.end('up to date\n'));
server.listen(Number(process.env.PORT ?? 8080), () => console.log('serves'));
