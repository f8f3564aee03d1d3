import { connectTo } from '../client/connect.ts';
import type { Leasehold } from '../client/leasehold.ts';
import type { ConnectOptions } from '../client/options.ts';
import { systemClock } from '../client/system-clock.ts';
import type { ClusterAccess } from '../kube/connection.ts';
import { Transport } from '../kube/transport.ts';
import type { ApiServer } from './api-server/api-server.ts';

/**
 * A client on an embedded API server, over HTTPS and in real time, as the server's admin. For code
 * that calls `connect` itself, write {@link ApiServer.kubeconfig} to a file and set `KUBECONFIG`.
 *
 * @throws LeaseholdError as `connect`
 */
export async function connectToServer(
  server: ApiServer,
  options: Omit<ConnectOptions, 'kubeconfig' | 'context'> = {},
): Promise<Leasehold> {
  const { namespace = 'default' } = options;
  const clock = systemClock();
  const access: ClusterAccess = {
    server: server.url,
    namespace,
    source: 'the embedded API server',
    tls: { ca: server.ca },
    authorization: () => `Bearer ${server.adminToken}`,
  };
  const open = { access, transport: new Transport(access, clock), namespace, clock };
  return connectTo(() => Promise.resolve(open), options);
}
