/**
 * One Pod of a ticket dispenser: each ticket has a number that nobody else has. The numbers are in the memory of
 * the leader, which a Service reaches; no database is asked.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'leasehold';

/** For so long a Pod that is to end answers that it does not lead, until nobody asks it any more. */
const SERVES_ON_MS = 20_000;

const leasehold = await connect({ releaseOnSigterm: true });
// The label is the operator's to give: it follows the Lease.
const election = leasehold.election('tickets', { leaderLabel: true });
let tickets = 0;

const server = createServer((request, response) => {
  if (request.url === '/ready') {
    response.end('ready\n');
    return;
  }
  const { leadership } = election;
  if (!leadership) {
    response.writeHead(503, { 'retry-after': '1' }).end('another Pod leads\n');
    return;
  }
  tickets += 1;
  // Unique: no other term has this fence. And growing, as the fences of later terms are greater.
  response.end(`${String(leadership.fence)}.${String(tickets)} from ${leasehold.identity}\n`);
});
server.listen(Number(process.env.PORT ?? 8080), () => {
  console.log(`serves at port ${String((server.address() as AddressInfo).port)}`);
});

// The leadership is given up at once, as leasehold hears of the signal, too.
process.once('SIGTERM', () => setTimeout(() => process.exit(0), SERVES_ON_MS));

await election.run(async ({ signal }) => {
  tickets = 0;
  console.log('leads');
  if (!signal.aborted) await once(signal, 'abort');
  console.log('leads no more');
});
