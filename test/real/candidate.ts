/** A leasehold candidate in a process of its own: leads until it is killed. */
import { connect } from '../../src/index.ts';

const [kubeconfig = '', namespace = '', name = ''] = process.argv.slice(2);
const leasehold = await connect({ kubeconfig, namespace });
const term = await leasehold
  .election(name, { leaseDuration: '6s', renewDeadline: '4s', retryPeriod: '200ms' })
  .acquire();
process.stdout.write(`${String(Date.now())} ${term.identity}\n`);
