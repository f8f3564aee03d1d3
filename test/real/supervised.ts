/**
 * An application under `leasehold run`: takes locks as its arguments say, prints what it has, and then
 * waits to be killed, or ends in the way that it is told.
 */
import { connect } from '../../src/index.ts';

const [ending = '', ...locks] = process.argv.slice(2);
const election = process.env.ELECTION;
const namespaces = (process.env.NAMESPACES ?? '').split(' ');
const kubeconfig = process.env.OWN_KUBECONFIG;

const clients = await Promise.all(
  namespaces.map((namespace) =>
    connect({
      namespace,
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ttl: '60s',
      identity: 'supervised',
      onEvent: (event) => {
        if (event.type === 'waiting') print(`waiting ${event.lock}`);
      },
    }),
  ),
);
const held = await Promise.all(
  clients.flatMap((client) => locks.map((lock) => client.lock(lock).acquire())),
);
const [first] = held;
if (election !== undefined) {
  const term = await clients[0]?.election(election).acquire();
  print(`leading ${String(term?.fence ?? 0)}`);
}
print(`held ${String(process.pid)} ${String(first?.fence ?? 0)}`);
setInterval(() => undefined, 1_000);

if (ending === 'abort') process.abort();
if (ending === 'exit') process.exit(3);
if (ending === 'close') {
  await Promise.all(clients.map((client) => client.close()));
  process.exit(4);
}
if (ending === 'drain') {
  process.on('SIGTERM', () => {
    print('draining');
  });
}
if (ending === 'exec') process.execve?.('/bin/sh', ['sh', '-c', 'echo replaced; exec sleep 1000']);

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
