/** No API server can be had on this machine: there is no binary and none could be built. */
export class ClusterUnavailableError extends Error {
  readonly code = 'CLUSTER_UNAVAILABLE';
  override readonly name = 'ClusterUnavailableError';
}

/** A process of the cluster did not start, or died while it was being waited for. */
export class ClusterProcessError extends Error {
  readonly code = 'CLUSTER_PROCESS';
  override readonly name = 'ClusterProcessError';
}
